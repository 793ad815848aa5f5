"""The moment until which the current call matters to its caller; it travels with every call made for it.

Without one (`remaining()` is None) the code runs for nobody who waits: a worker's task, a command. The idea
is gRPC's deadline propagation.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends: ContextVar[float | None] = ContextVar("deadline", default=None)


def remaining() -> float | None:
    """Seconds left, negative once it has passed; None where there is no deadline."""
    ends = _ends.get()
    return None if ends is None else ends - time.monotonic()


def passed() -> bool:
    """Whether nobody waits for the answer any more."""
    ends = _ends.get()
    return ends is not None and time.monotonic() >= ends


@contextmanager
def within(seconds: float) -> Iterator[float]:
    """Bound what is called inside, never beyond the deadline that already holds; gives the seconds left."""
    left = remaining()
    seconds = seconds if left is None else min(seconds, left)
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield seconds
    finally:
        _ends.reset(token)


def begin(seconds: float) -> None:
    """Start a call that came with so many seconds, in a context of its own."""
    _ends.set(time.monotonic() + seconds)


def to_wire(seconds: float) -> int:
    """So many seconds from now, as the header says it: milliseconds since the epoch."""
    return int((time.time() + seconds) * 1000)


def from_wire(header: object, *, otherwise: float) -> float:
    """Seconds left of a header's deadline, or `otherwise` where a foreign caller sent none."""
    return header / 1000 - time.time() if isinstance(header, int | float) else otherwise
