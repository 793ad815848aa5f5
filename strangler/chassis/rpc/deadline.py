"""The moment until which the current call matters to its caller; it travels with every call made for it.

Without one (`remaining()` is None) the code runs for nobody who waits: a worker's task, a command. The idea
is gRPC's deadline propagation.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

log = logging.getLogger(__name__)

SKEW_SECONDS = 1.0
"""From there on it is told that clocks differ."""

_told_of_skew = False
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


def begin(ends: float) -> None:
    """Start a call that matters until this moment of `time.monotonic()`, in a context of its own."""
    _ends.set(ends)


def to_wire(seconds: float) -> dict[str, int]:
    """So many seconds as headers, in milliseconds: `deadline` since the epoch, `timeout` from now on."""
    return {"deadline": int((time.time() + seconds) * 1000), "timeout": int(seconds * 1000)}


def from_wire(headers: Mapping[str, Any], *, otherwise: float) -> float:
    """Seconds left of the deadline in a call's headers, or `otherwise` where a foreign caller sent none.

    The timeout holds where the deadline cannot be true, since one of the two clocks is wrong then: more time
    left than the caller had, or none although the broker, which drops what is too old, had the call. A call
    that came back from a host that died is no fresh one, and late when its deadline says so.
    """
    if not isinstance(headers.get("deadline"), int | float):
        return otherwise
    left: float = headers["deadline"] / 1000 - time.time()
    if not isinstance(headers.get("timeout"), int | float):
        return left
    timeout: float = headers["timeout"] / 1000
    if 0 < left <= timeout or (left <= 0 and "x-attempts" in headers):
        return left
    _tell_of_skew(headers.get("caller", ""), min(left, 0) or left - timeout)
    return timeout


def _tell_of_skew(caller: str, seconds: float) -> None:
    """Once: every call has it."""
    global _told_of_skew
    if abs(seconds) >= SKEW_SECONDS and not _told_of_skew:
        _told_of_skew = True
        log.warning("a call of %s is off by %+.1f s: the clocks of the two hosts differ", caller, seconds)
