"""A stack of stage 1 that faults may be done to."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from strangler.toolkit.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
# Below the ports that the kernel gives to outgoing connections. Test runs beside each other start at
# bases of their own.
FIRST_BASE, LAST_BASE, SPAN = int(os.environ.get("TEST_PORT_BASE", "20000")), 31900, 100


def free_base() -> int:
    """A port base above which no stack runs, so that two checkouts can test at once."""
    for base in range(FIRST_BASE, LAST_BASE, SPAN):
        if all(_free(base + offset) for offset in range(SPAN)):
            return base
    raise AssertionError(f"no free port base from {FIRST_BASE} to {LAST_BASE}")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Stage 1, fresh from the seeds, with nothing of it left afterwards."""
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        # pytest's own temporary folders are closed to the users that PostgreSQL and RabbitMQ run as.
        Path(directory).chmod(0o755)
        stack = Stack(ROOT, Path(directory) / "run", free_base())
        try:
            stack.up(1)
            yield stack
        finally:
            stack.down(purge=True)
