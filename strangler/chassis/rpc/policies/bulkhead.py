"""A bulkhead: so many calls of a domain at once; the next ones wait a moment, then are refused."""

import threading
from typing import Any

from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.errors import BulkheadFull, DeadlinePassed
from strangler.chassis.rpc.policies.call import Call, Proceed

CALLS = 6
WAIT_SECONDS = 0.5


class Bulkhead:
    """Fewer than a web process has threads, so that one slow domain leaves some to the others."""

    def __init__(self) -> None:
        self.slots: dict[str, threading.BoundedSemaphore] = {}

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        slots = self.slots.get(call.place) or self.slots.setdefault(
            call.place, threading.BoundedSemaphore(CALLS)
        )
        left = deadline.remaining()
        if not slots.acquire(timeout=WAIT_SECONDS if left is None else max(0.0, min(WAIT_SECONDS, left))):
            if deadline.passed():
                raise DeadlinePassed(call.domain, call.method.name, "its turn did not come in time")
            raise BulkheadFull(call.domain, call.method.name, f"{CALLS} of its calls are under way")
        try:
            return proceed(call)
        finally:
            slots.release()
