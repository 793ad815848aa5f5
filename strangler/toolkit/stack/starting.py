"""Starting programs in the order of what they depend on."""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from strangler.toolkit.stack.compose import Service
from strangler.toolkit.stack.errors import ServiceFailed
from strangler.toolkit.stack.program import Program
from strangler.toolkit.stack.readiness import is_ready
from strangler.toolkit.stack.supervision import Supervisor

READY_SECONDS = 90.0
ONCE_SECONDS = 300.0
POLL_SECONDS = 0.1
ENDINGS = 3
"""A program that has ended so often before it was ready is not waited for."""
LOOK_SECONDS = 0.5

# Called with a service's name and its state: waiting, starting, ready, done, draining, stopped.
Watcher = Callable[[str, str], None]


def is_once(services: Mapping[str, Service], name: str) -> bool:
    """Whether the program does its work and ends."""
    return name in services and services[name].once


def run_until_ready(
    supervisor: Supervisor, program: Program, ready: Callable[[], bool], stop: threading.Event | None = None
) -> None:
    """Start a program and wait until it is ready, or `stop` is set; raises ServiceFailed when it takes too
    long, or ends again and again."""
    ended = {supervisor.ended_at(program.name)}
    supervisor.run(program.name)
    log = supervisor.layout.logs / f"{program.name}.log"
    deadline, look_at = time.monotonic() + READY_SECONDS, time.monotonic() + LOOK_SECONDS
    while not (ready() or (stop and stop.is_set())):
        now = time.monotonic()
        if now > deadline:
            silent = "" if is_ready(program.ready) else f"{program.ready} does not answer"
            why = supervisor.trouble(program.name) or silent
            late = f"not ready after {READY_SECONDS:.0f} s{why and f' ({why})'}"
            raise ServiceFailed(program.name, late, log)
        if now > look_at:
            ended.add(supervisor.ended_at(program.name))
            if len(ended) > ENDINGS:
                raise ServiceFailed(program.name, f"ended {ENDINGS} times before it was ready", log)
            look_at = now + LOOK_SECONDS
        time.sleep(POLL_SECONDS)


class Starter:
    """Starts what supervisord knows, and runs what ends by itself."""

    def __init__(self, supervisor: Supervisor, watch: Watcher) -> None:
        self.supervisor, self.watch = supervisor, watch

    def start(self, programs: dict[str, Program], wanted: dict[str, Service]) -> None:
        """Start everything as soon as what it depends on is ready; the first failure stops the rest."""
        waiting = {
            name: set(wanted[name].depends_on) & set(programs) if name in wanted else set()
            for name in programs
        }
        for name, service in wanted.items():
            if service.native.listen and name in waiting:
                waiting[name] |= {"edge-sockets"} & set(programs)
        stop = threading.Event()
        running: dict[Future[None], str] = {}
        with ThreadPoolExecutor(max_workers=len(programs)) as pool:
            try:
                while waiting or running:
                    for name in [name for name, needs in waiting.items() if not needs]:
                        del waiting[name]
                        start = self._run_once if is_once(wanted, name) else self._run_lasting
                        running[pool.submit(start, programs[name], stop)] = name
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        name = running.pop(future)
                        future.result()
                        for needs in waiting.values():
                            needs.discard(name)
            except BaseException:
                stop.set()
                raise

    def _run_lasting(self, program: Program, stop: threading.Event) -> None:
        self.watch(program.name, "starting")
        run_until_ready(self.supervisor, program, lambda: is_ready(program.ready), stop)
        if not stop.is_set():
            self.watch(program.name, "ready")

    def _run_once(self, program: Program, stop: threading.Event) -> None:
        self.watch(program.name, "starting")
        log = self.supervisor.layout.logs / f"{program.name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - the command is the compose file's
                program.command,
                env=program.environment,
                cwd=self.supervisor.layout.root,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            deadline = time.monotonic() + ONCE_SECONDS
            while process.poll() is None:
                if stop.is_set() or time.monotonic() > deadline:
                    process.kill()
                time.sleep(POLL_SECONDS / 2)
        if process.returncode and not stop.is_set():
            raise ServiceFailed(program.name, f"exited with status {process.returncode}", log)
        self.watch(program.name, "done")
