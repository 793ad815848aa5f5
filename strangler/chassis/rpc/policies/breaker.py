"""A circuit breaker: opens after some failures in a row, refuses at once for a while, then lets calls try."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pybreaker

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.rpc.errors import (
    BreakerOpen,
    BulkheadFull,
    DependencyUnavailable,
    NoTimeLeft,
    OwnerBusy,
)
from strangler.chassis.rpc.policies.call import Call, Proceed

FAILURES = 5
SECONDS = 2.0


class Storage(pybreaker.CircuitMemoryStorage):
    """Knows by the monotonic clock how long ago the breaker opened: the day's may be set back meanwhile, and
    pybreaker would wait until it has caught up."""

    _opened: float | None = None

    @property
    def opened_at(self) -> datetime | None:
        if self._opened is None:
            return None
        return datetime.now(UTC) - timedelta(seconds=time.monotonic() - self._opened)

    @opened_at.setter
    def opened_at(self, datetime: datetime) -> None:
        self._opened = time.monotonic()


class Breaker:
    """One for each domain at each host. Whoever answers is alive, whatever the answer is; a call that was not
    made, or not given the time, says nothing."""

    def __init__(self) -> None:
        self.breakers: dict[str, pybreaker.CircuitBreaker] = {}
        self._lock = threading.Lock()

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        try:
            # Never .call(), which holds a lock for as long as the call takes.
            with self.of(call.place).calling():
                return proceed(call)
        except pybreaker.CircuitBreakerError:
            reason = f"its last {FAILURES} calls failed; it is tried again within {SECONDS:g} s"
            raise BreakerOpen(call.domain, call.method.name, reason) from None

    def of(self, place: str) -> pybreaker.CircuitBreaker:
        """The breaker of a domain at a host."""
        with self._lock:
            if place not in self.breakers:
                self.breakers[place] = pybreaker.CircuitBreaker(
                    fail_max=FAILURES,
                    reset_timeout=SECONDS,
                    exclude=[_alive],
                    throw_new_error_on_trip=False,
                    state_storage=Storage(pybreaker.STATE_CLOSED),
                    name=place,
                )
            return self.breakers[place]


def _alive(error: BaseException) -> bool:
    """Whether somebody answered. A refusal of our own says neither, and is raised: pybreaker, which would
    take it for a success, then stays as it was."""
    if isinstance(error, BulkheadFull | NoTimeLeft):
        raise error
    return not isinstance(error, DomainUnavailable) or isinstance(error, DependencyUnavailable | OwnerBusy)
