"""What every remote call goes through, by its mark and its domain. Nobody configures a call.

`PIPELINE` reads from the outside in: a query's fallback answers when nothing else does; what failed before it
could have an effect is tried again, within a budget; a breaker a domain stops asking who does not answer; a
bulkhead a domain keeps one slow domain from taking every thread. (Nygard, "Release It!"; the order is
Resilience4j's. The budget is Finagle's: repeats are a share of the calls, so an outage is not multiplied.)
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pybreaker
import stamina

from strangler.chassis.errors import BreakerOpen, BulkheadFull, DeadlinePassed, DomainUnavailable
from strangler.chassis.ports import Kind, Method
from strangler.chassis.rpc import deadline

log = logging.getLogger(__name__)

SECONDS: dict[Kind, float] = {"query": 3.0, "command": 8.0}
"""How long a caller waits for an answer, attempts and pauses included."""

ATTEMPTS: dict[Kind, int] = {"query": 3, "command": 2}
PAUSE_SECONDS, JITTER_SECONDS, MOST_PAUSE_SECONDS = 0.02, 0.05, 0.25
BUDGET_SHARE, BUDGET_RESERVE = 0.1, 10.0
BREAKER_FAILURES, BREAKER_SECONDS = 5, 2.0
BULKHEAD_CALLS, BULKHEAD_WAIT = 6, 0.5


@dataclass(frozen=True)
class Call:
    """A call on its way to `host`."""

    host: str
    domain: str
    method: Method
    arguments: dict[str, Any]


Proceed = Callable[[Call], Any]


class Fallback:
    """A query that declares one is answered by it when its domain is out of reach."""

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        try:
            return proceed(call)
        except DomainUnavailable as error:
            if call.method.fallback is None:
                raise
            log.warning("%s; the fallback answers", error)
            return call.method.fallback(**call.arguments)


class Retry:
    """Repeats what was not done, or is harmless to do again: same arguments, so the same idempotency key.

    A timeout is not repeated: whoever is slow would get the same work twice.
    """

    def __init__(self) -> None:
        self.budgets: defaultdict[str, Budget] = defaultdict(Budget)

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        budget = self.budgets[call.domain]
        budget.earn()
        for attempt in stamina.retry_context(
            on=lambda error: self._again(error, budget),
            attempts=ATTEMPTS[call.method.kind],
            timeout=deadline.remaining(),
            wait_initial=PAUSE_SECONDS,
            wait_max=MOST_PAUSE_SECONDS,
            wait_jitter=JITTER_SECONDS,
        ):
            with attempt:
                return proceed(call)
        raise AssertionError("unreachable")

    def _again(self, error: Exception, budget: "Budget") -> bool:
        if not isinstance(error, DomainUnavailable) or not error.repeatable or deadline.passed():
            return False
        return budget.spend()


class Budget:
    """Each call earns a share of a repeat; a small reserve is there from the start."""

    def __init__(self) -> None:
        self.tokens = BUDGET_RESERVE
        self._lock = threading.Lock()

    def earn(self) -> None:
        with self._lock:
            self.tokens = min(self.tokens + BUDGET_SHARE, BUDGET_RESERVE)

    def spend(self) -> bool:
        with self._lock:
            if self.tokens < 1.0:
                return False
            self.tokens -= 1.0
            return True


class Breaker:
    """Opens after some failures in a row, refuses at once for a while, then lets calls try again."""

    def __init__(self) -> None:
        self.breakers: dict[str, pybreaker.CircuitBreaker] = {}
        self._lock = threading.Lock()

    def of(self, domain: str) -> pybreaker.CircuitBreaker:
        """The domain's breaker."""
        with self._lock:
            if domain not in self.breakers:
                self.breakers[domain] = pybreaker.CircuitBreaker(
                    fail_max=BREAKER_FAILURES,
                    reset_timeout=BREAKER_SECONDS,
                    # Whoever answers is alive, whatever the answer is.
                    exclude=[lambda error: not _counts(error)],
                    throw_new_error_on_trip=False,
                    name=domain,
                )
            return self.breakers[domain]

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        try:
            # Never .call(), which holds a lock for as long as the call takes.
            with self.of(call.domain).calling():
                return proceed(call)
        except pybreaker.CircuitBreakerError:
            reason = (
                f"its last {BREAKER_FAILURES} calls failed; it is tried again within {BREAKER_SECONDS:g} s"
            )
            raise BreakerOpen(call.domain, call.method.name, reason) from None


def _counts(error: BaseException) -> bool:
    return isinstance(error, DomainUnavailable) and not isinstance(error, BulkheadFull | BreakerOpen)


class Bulkhead:
    """So many calls of a domain at once; the next ones wait a moment, then are refused."""

    def __init__(self, calls: int = BULKHEAD_CALLS, wait: float = BULKHEAD_WAIT) -> None:
        self.wait = wait
        self.slots: defaultdict[str, threading.BoundedSemaphore] = defaultdict(
            partial(threading.BoundedSemaphore, calls)
        )

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        slots = self.slots[call.domain]
        left = deadline.remaining()
        if not slots.acquire(timeout=self.wait if left is None else max(0.0, min(self.wait, left))):
            if deadline.passed():
                raise DeadlinePassed(call.domain, call.method.name, "no call slot became free in time")
            raise BulkheadFull(call.domain, call.method.name, "too many of its calls are under way")
        try:
            return proceed(call)
        finally:
            slots.release()


PIPELINE: tuple[Callable[[], Callable[[Call, Proceed], Any]], ...] = (Fallback, Retry, Breaker, Bulkhead)
