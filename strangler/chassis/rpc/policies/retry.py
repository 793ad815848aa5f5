"""Repeats what was not done, or is harmless to do again: the same arguments, so the same idempotency key.

A timeout is not repeated: who is slow would get the same work twice. The budget is Finagle's: repeats are a
share of the calls, so that an outage is not multiplied.
"""

import logging
import threading
from typing import Any

import stamina

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.errors import Unreached
from strangler.chassis.rpc.policies.call import ATTEMPTS, Call, Proceed

# Its own lines say neither what is repeated nor why; who gives up says both.
logging.getLogger("stamina").setLevel(logging.ERROR)

PAUSE_SECONDS, JITTER_SECONDS, MOST_PAUSE_SECONDS = 0.02, 0.05, 0.25
SHARE, RESERVE = 0.1, 10.0


class Budget:
    """Each call earns a share of a repeat; a small reserve is there from the start."""

    def __init__(self) -> None:
        self.tokens = RESERVE
        self._lock = threading.Lock()

    def earn(self) -> None:
        with self._lock:
            self.tokens = min(self.tokens + SHARE, RESERVE)

    def spend(self) -> bool:
        """Whether there was something left to spend."""
        with self._lock:
            if self.tokens < 1.0:
                return False
            self.tokens -= 1.0
            return True


class Retry:
    """With jitter, and never past the deadline."""

    def __init__(self) -> None:
        self.budgets: dict[str, Budget] = {}

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        budget = self.budgets.get(call.place) or self.budgets.setdefault(call.place, Budget())
        budget.earn()
        most, unknown = ATTEMPTS[call.method.kind], False

        def repeatable(error: Exception) -> bool:
            """Asked of the last attempt too, which must not spend what no repeat follows."""
            if not isinstance(error, Unreached) or attempt.num == most or deadline.passed():
                return False
            return budget.spend()

        for attempt in stamina.retry_context(
            on=repeatable,
            attempts=most,
            timeout=deadline.remaining(),
            wait_initial=PAUSE_SECONDS,
            wait_max=MOST_PAUSE_SECONDS,
            wait_jitter=JITTER_SECONDS,
        ):
            with attempt:
                try:
                    return proceed(call)
                except DomainUnavailable as error:
                    # That a repeat was not even sent says nothing about the attempt before it.
                    unknown = error.unknown = error.unknown or unknown
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")
