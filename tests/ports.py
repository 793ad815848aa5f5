"""Ports that nobody uses, and waiting for what comes up on them."""

import itertools
import os
import random
import socket
import time
from collections.abc import Callable

# Below the ports that the kernel gives to outgoing connections. Test runs beside each other start at
# bases of their own, and so do the workers of one run.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FIRST_BASE, LAST_BASE, SPAN = int(os.environ.get("TEST_PORT_BASE", "20000")) + WORKER * 2000, 31900, 100

# One by one: below these too, and no port twice in a row; shuffled for test runs beside each other.
SINGLE = random.sample(range(32000 + WORKER % 2 * 380, 32380 + WORKER % 2 * 380), 380)
_singles = itertools.cycle(SINGLE)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on, another one at each call."""
    return next(port for port in _singles if _free(port))


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


def wait_for(condition: Callable[[], object], *, seconds: float = 15.0) -> None:
    """Return once the condition holds; fail when it does not within the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds} s: {condition}")
        time.sleep(0.02)
