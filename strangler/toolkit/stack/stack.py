"""One running system: bring it up, move it to another stage, take it down."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from strangler.toolkit.consul import ConsulError, KeyValues
from strangler.toolkit.gateway import leaving
from strangler.toolkit.stack import leftovers, purging, rolling, secrets, sockets
from strangler.toolkit.stack.addresses import HOST, Addresses
from strangler.toolkit.stack.compose import Service, load, named, read_env, stages
from strangler.toolkit.stack.errors import NoSuchStage, NotRunning, ServiceFailed, StackError
from strangler.toolkit.stack.infrastructure import adapter
from strangler.toolkit.stack.memory import Memory, State
from strangler.toolkit.stack.program import KEEPER, Layout, Program, built, keeper, sharing_sockets
from strangler.toolkit.stack.readiness import is_ready
from strangler.toolkit.stack.starting import READY_SECONDS, Starter, Watcher, is_once
from strangler.toolkit.stack.supervision import Supervisor

POLL_SECONDS = 0.1
HELD_SECONDS = 0.5
"""How long what is under way at the edge may take while who comes anew waits."""


class Stack:
    """A system in `run_dir`, its ports counted from `port_base`.

    `environment` overrides variables of docker-compose.yml for this stack only.
    """

    def __init__(
        self, root: Path, run_dir: Path, port_base: int = 8000, environment: dict[str, str] | None = None
    ) -> None:
        self.layout = Layout(root=root.resolve(), run=run_dir.resolve())
        self.port_base = port_base
        self.overrides = environment or {}
        self.supervisor = Supervisor(self.layout)
        self.memory = Memory(self.layout.run)

    @property
    def state(self) -> State | None:
        return self.memory.state

    @property
    def url(self) -> str:
        """Where the shop's clients go, at every stage."""
        return f"http://{HOST}:{self.port_base + 80}"

    def address(self, service: str, port: int) -> str:
        """`host:port` of a service's container port on this machine."""
        return f"{HOST}:{Addresses(self._everything(), self.port_base).port(service, port)}"

    def environment(self, service: str) -> dict[str, str]:
        """What a service of the running stage finds in its environment, its own variables and all others."""
        return self._programs_by_name()[service].environment

    def variables(self, stage: int) -> dict[str, str]:
        """What docker-compose.yml is interpolated with: .env, then secrets, the shell and this stack."""
        drawn = secrets.drawn(self.layout, read_env(self.layout.root / ".env"))
        shell = {name: value for name, value in os.environ.items() if name not in drawn}
        return {
            **read_env(self.layout.root / ".env"),
            **drawn,
            **shell,
            **self.overrides,
            "STAGE": str(stage),
        }

    def _given(self) -> dict[str, str]:
        """What of that the shell and this stack say; no secrets."""
        given = named(self.layout.root / "docker-compose.yml", {**os.environ, **self.overrides})
        return {name: value for name, value in given.items() if not name.endswith(secrets.ENDINGS)}

    def services(self, stage: int) -> dict[str, Service]:
        """Every service of the compose file, interpolated for this stage."""
        return load(self.layout.root / "docker-compose.yml", self.variables(stage))

    def check(self, stage: int) -> None:
        """Raise NoSuchStage unless the compose file has such a stage."""
        known = stages(self.layout.root / "docker-compose.yml")
        if stage not in known:
            has = ", ".join(map(str, known))
            raise NoSuchStage(f"docker-compose.yml has no services of stage {stage}. It has stages {has}.")

    def up(self, stage: int, watch: Watcher = lambda service, state: None) -> None:
        """Bring the stage up, or move a running stack to it: what is new starts and gets ready beside what
        is old; what has changed is restarted, rolling where it can be; then what is gone drains. If a fresh
        start fails on the way, nothing is left running. What `begin` started stays, unless the stage is that
        one's."""
        self.check(stage)
        self.layout.prepare()
        fresh = not self.supervisor.is_up()
        if fresh:
            leftovers.stop_leftovers(self.layout.run)
        elif self.state is not None and self.state.port_base != self.port_base:
            raise StackError(
                f"what runs in {self.layout.run} counts its ports from {self.state.port_base}, not from "
                f"{self.port_base}. Stop it first (`./run down`), or start a second one elsewhere: "
                f"RUN_DIR=/elsewhere PORT_BASE={self.port_base} ./run up"
            )
        wanted = self._wanted(stage)
        if fresh:
            leftovers.check_free(self._ports(wanted))
        try:
            self._converge(stage, wanted, fresh, watch)
        except BaseException:
            if fresh:
                self._end()
            raise

    def begin(self, stage: int, watch: Watcher = lambda service, state: None) -> None:
        """Start the services that a later stage has and the running one has not, beside those that run, which
        are neither changed nor restarted. They are kept by `up` until it is told that stage, or `cancel`."""
        self.check(stage)
        current = self._running_stage()
        if stage <= current:
            raise StackError(f"stage {current} runs: a step begins to a later one, not to stage {stage}.")
        self.memory.begun(stage)
        wanted = self._wanted(current)
        programs = self._programs(wanted)
        before = set(self._supervised())
        new = {n: p for n, p in programs.items() if n in wanted and not wanted[n].in_stage(current)}
        leftovers.check_free(self._ports({n: wanted[n] for n in new if n not in before}))
        self.supervisor.write(p for n, p in programs.items() if not is_once(wanted, n))
        added, _, _ = self.supervisor.reload()
        for name in added:
            self.supervisor.add(name)
        self._starter(watch).start(new, wanted)

    def cancel(self, stage: int, watch: Watcher = lambda service, state: None) -> None:
        """Stop what `begin` started; nothing where it started nothing."""
        current = self._running_stage()
        self.memory.begun(None)
        services = self.services(current)
        begun = {n for n, s in services.items() if s.in_stage(stage) and not s.in_stage(current)}
        self._drain(begun & set(self._supervised()), watch)
        left = self._wanted(current)
        self.supervisor.write(p for n, p in self._programs(left).items() if not is_once(left, n))
        self.supervisor.reload()

    def down(self, *, purge: bool = False) -> int:
        """Stop everything, in order and without hurry; with `purge`, forget the data, and so at once. What
        runs in folders of the run directory is a part of it. The number of processes that an earlier run had
        left behind, whose supervisord is gone."""
        ended = sum(one._end(at_once=purge) for one in [*self.within(), self])
        if purge:
            purging.forget(self.layout.run)
        return ended

    def within(self) -> list["Stack"]:
        """The stacks in folders of this one's, if there are any: a demo's, a benchmark's, a comparison's."""
        folders = [self.layout.run / name for name in purging.WITHIN]
        return [Stack(self.layout.root, folder) for folder in folders if folder.exists()]

    def _end(self, *, at_once: bool = False) -> int:
        supervised = self.supervisor.is_up()
        if supervised and at_once:
            leftovers.end_at_once(self.layout.run)
        elif supervised:
            self._stop_in_order()
            self.supervisor.shutdown()
            self._wait_until(lambda: not self.supervisor.is_up(), 30)
        # RabbitMQ's port mapper is a daemon of its own; supervisord may still be on its way out.
        ended = leftovers.stop_leftovers(self.layout.run)
        self.memory.stopped()
        if self.layout.sockets != self.layout.run:
            shutil.rmtree(self.layout.sockets, ignore_errors=True)
        return 0 if supervised else ended

    def running(self) -> list[str]:
        """The names of the programs that supervisord runs now; none if it is not up."""
        if not self.supervisor.is_up():
            return []
        return sorted(name for name, info in self.supervisor.programs().items() if info["pid"])

    def status(self) -> dict[str, dict[str, Any]]:
        """Each program's state, pid and whether it is ready."""
        supervised = self._supervised()  # first: where nothing runs, a look makes nothing
        programs = self._programs_by_name()
        return {
            name: {
                "state": info["statename"].lower(),
                "pid": info["pid"] or None,
                "uptime_seconds": max(0, info["now"] - info["start"]) if info["pid"] else 0,
                "ready": info["statename"] == "RUNNING"
                and is_ready(programs[name].ready if name in programs else ""),
            }
            for name, info in supervised.items()
        }

    def kill(self, service: str) -> int:
        """kill -9 of a service's main process; its pid."""
        pid: int = self._supervised()[service]["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_ready(self, *services: str, seconds: float = READY_SECONDS) -> None:
        """Wait until these services (all, if none is named) are running and ready."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.status()
            late = [name for name in services or status if not status[name]["ready"]]
            if not late:
                return
            if time.monotonic() > deadline:
                others = f", nor {', '.join(late[1:])}" if late[1:] else ""
                raise ServiceFailed(late[0], f"not ready after {seconds:.0f} s{others}", self._log(late[0]))
            time.sleep(POLL_SECONDS)

    def restart(self, service: str) -> None:
        """Stop a service gracefully, start it again and wait until it is ready."""
        self.supervisor.stop(service)
        self.supervisor.run(service)
        self.wait_ready(service)

    # -- bringing up ---------------------------------------------------------------------------------

    def _converge(self, stage: int, wanted: dict[str, Service], fresh: bool, watch: Watcher) -> None:
        before = set() if fresh else set(self._supervised())
        programs = self._programs(wanted)
        lasting = [program for program in programs.values() if not is_once(wanted, program.name)]
        gone = before - {program.name for program in lasting}
        current = [p for p in self._programs(self.services(stage)).values() if p.name in gone] if gone else []
        self.supervisor.write([*lasting, *current])
        rolled: list[str] = []
        if fresh:
            self.supervisor.start()
        else:
            added, changed, _ = self.supervisor.reload()
            rolled = [name for name in changed if rolling.can_roll(wanted.get(name)) and name in before]
            for name in (name for name in changed if name not in gone and name not in rolled):
                watch(name, "draining")
                with self._emptied(wanted.get(name)):
                    self.supervisor.remove(name)
                self.supervisor.add(name)
            for name in added:
                self.supervisor.add(name)
        # What is rolled may need the routes or tables that the others prepare.
        self._starter(watch).start({n: p for n, p in programs.items() if n not in rolled}, wanted)
        self._roll(rolled, wanted, [*lasting, *current], watch)
        self.memory.running(stage, self.port_base, self._given())
        self._drain(gone, watch)
        if gone:
            self.supervisor.write(lasting)
            self.supervisor.reload()

    def _roll(
        self, names: list[str], wanted: dict[str, Service], lasting: list[Program], watch: Watcher
    ) -> None:
        """Restart these services while a second instance of each stands in for it."""
        if not names:
            return
        everything = self._everything()
        seconds = {n: rolling.spare(wanted[n], everything, self.layout, self.port_base) for n in names}
        for second in seconds.values():
            if second.name in self._supervised():  # left by a command that was killed
                self.supervisor.remove(second.name)
        leftovers.check_free(
            (n, self.port_base + offset) for n in names for offset in wanted[n].native.spare.values()
        )
        self.supervisor.write([*lasting, *seconds.values()])
        for name in self.supervisor.reload()[0]:
            self.supervisor.add(name)
        traefik = self._traefik if "traefik" in wanted else ""
        roller = rolling.Roller(self.supervisor, traefik=traefik, watch=watch)
        programs = {program.name: program for program in lasting}
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            done = [pool.submit(roller.roll, programs[name], seconds[name]) for name in names]
        self.supervisor.write(lasting)
        self.supervisor.reload()
        for future in done:
            future.result()

    # -- taking down ---------------------------------------------------------------------------------

    def _drain(self, names: set[str], watch: Watcher) -> None:
        services = self.services(self.state.stage if self.state else 0)

        def remove(name: str) -> None:
            watch(name, "draining")
            with self._emptied(services.get(name)):
                self.supervisor.remove(name)
            watch(name, "stopped")

        self._dependents_first(names, remove)

    @contextmanager
    def _emptied(self, service: Service | None) -> Iterator[None]:
        """To end a service inside that might lose a connection as it ends: who was connected has been sent
        away, and nobody connects until it takes none."""
        if service is None or not service.native.holds:
            yield
            return
        store, traefik = KeyValues(f"http://{self.address('consul', 8500)}"), self._traefik
        # Without Consul, clients are not told to leave: it ends all the same.
        with suppress(ConsulError):
            leaving.send_away(store, traefik)
        self._hold(service)
        leaving.wait_until_empty(traefik, seconds=HELD_SECONDS)
        try:
            yield
        finally:  # one that could not be ended goes on as it was
            with suppress(ConsulError):
                leaving.welcome(store)

    def _hold(self, service: Service) -> None:
        pid = self._supervised()[service.name]["pid"]
        for offset in service.native.listen.values():
            try:
                sockets.hold_while_listening(self.layout.sockets / KEEPER, HOST, self.port_base + offset, pid)
            except OSError:
                return  # a keeper that was killed just now; the service ends as it may

    def _stop_in_order(self) -> None:
        self._dependents_first(set(self._supervised()), self.supervisor.stop)

    def _dependents_first(self, names: set[str], end: Callable[[str], None]) -> None:
        """End these programs, each only when nothing among them depends on it any more: a gateway is gone
        before what it leads to, so that no request is led to nowhere."""
        services = self.services(self.state.stage if self.state else 0)
        names = set(names)
        while names:
            needed = {d for name in names if name in services for d in services[name].depends_on}
            last = names - needed or set(names)
            with ThreadPoolExecutor(max_workers=len(last)) as pool:
                list(pool.map(end, sorted(last)))
            names -= last

    # -- what it consists of -------------------------------------------------------------------------

    def _programs(self, services: dict[str, Service]) -> dict[str, Program]:
        addresses = Addresses(self._everything(), self.port_base)
        programs = {"edge-sockets": keeper(self.layout)}
        for name, service in services.items():
            if not service.built and not service.native.ports:
                continue
            make = built if service.built else adapter(service)
            program = make(service, self.layout, addresses)
            programs[name] = sharing_sockets(program, service, self.layout, self.port_base)
        return programs

    def _starter(self, watch: Watcher) -> Starter:
        return Starter(self.supervisor, watch)

    @property
    def _traefik(self) -> str:
        """Traefik's internal entry point."""
        return f"http://{self.address('traefik', 8081)}"

    def _everything(self) -> list[Service]:
        return list(self.services(0).values())

    def _programs_by_name(self) -> dict[str, Program]:
        return self._programs(self._wanted(self.state.stage if self.state else 0))

    def _wanted(self, stage: int) -> dict[str, Service]:
        """The services of the stage, and those of the one to which a step from it is under way."""
        data = self.memory.data
        begun = data.begun if data is not None and data.stage == stage else None
        return {
            name: service
            for name, service in self.services(stage).items()
            if service.in_stage(stage) or (begun is not None and service.in_stage(begun))
        }

    def _running_stage(self) -> int:
        if self.state is None or not self.supervisor.is_up():
            raise NotRunning("nothing is running here: `./run up` starts it.")
        return self.state.stage

    def _ports(self, services: dict[str, Service]) -> list[tuple[str, int]]:
        return [
            (service.name, self.port_base + offset)
            for service in services.values()
            for offset in {*service.native.ports.values(), *service.native.listen.values()}
        ]

    def _supervised(self) -> dict[str, dict[str, Any]]:
        if not self.supervisor.is_up():
            raise NotRunning("nothing is running here: `./run up` starts it.")
        return self.supervisor.programs()

    def _log(self, name: str) -> Path:
        return self.layout.logs / f"{name}.log"

    def _wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise StackError(f"supervisord did not stop within {seconds:.0f} s")
            time.sleep(POLL_SECONDS)
