"""Processes that a stack left behind, and ports that somebody else holds."""

import socket
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from signal import SIGKILL, SIGQUIT

import psutil

from strangler.toolkit.stack.addresses import HOST
from strangler.toolkit.stack.errors import PortTaken
from strangler.toolkit.stack.program import MARKER

ROUNDS = 5


def processes_of(run: Path) -> list[psutil.Process]:
    """Every process that carries this run directory's mark, this process and its parents excepted."""
    own = {process.pid for process in [psutil.Process(), *psutil.Process().parents()]}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid not in own and process.environ().get(MARKER) == str(run):
                found.append(process)
        except psutil.Error:
            continue
    return found


def stop_leftovers(run: Path, *, patience: float = 15.0) -> int:
    """End what still carries the mark: asked first, then killed. The number of processes ended."""
    left = processes_of(run)
    for process in left:
        _tolerantly(process.terminate)
    _, stubborn = psutil.wait_procs(left, timeout=patience)
    for process in stubborn:
        _tolerantly(process.kill)
    psutil.wait_procs(stubborn, timeout=5)
    return len(left)


def end_at_once(run: Path) -> None:
    """End everything of this run directory, whose data nobody wants any more, without a good-bye."""
    for _ in range(ROUNDS):
        left = processes_of(run)
        # supervisord first, which would start again what it sees die. What it started while we looked is
        # found in the next round.
        for process in sorted(left, key=lambda one: one.create_time()):
            _tolerantly(partial(_end, process))
        psutil.wait_procs(left, timeout=10)
        if not left:
            return


def check_free(ports: Iterable[tuple[str, int]]) -> None:
    """Raise PortTaken for the first (service, port) that cannot be bound, naming who holds it."""
    for service, port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise PortTaken(
                    f"port {port}, which {service} needs, is taken{_holder(port)} ({error.strerror}). "
                    "Stop that, or choose other ports: PORT_BASE=9000 ./run up"
                ) from error


def _holder(port: int) -> str:
    try:
        connections = psutil.net_connections("inet")
    except psutil.Error:
        return ""
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN
        if listens and connection.laddr and connection.laddr.port == port and connection.pid:
            try:
                process = psutil.Process(connection.pid)
                return f" by process {process.pid}, {' '.join(process.cmdline())[:80]!r}"
            except psutil.Error:
                break
    return " by another program"


def _end(process: psutil.Process) -> None:
    # A PostgreSQL that is killed leaves shared memory behind.
    process.send_signal(SIGQUIT if process.name() == "postgres" else SIGKILL)


def _tolerantly(action: object) -> None:
    try:
        action()  # type: ignore[operator]
    except psutil.NoSuchProcess:
        return
