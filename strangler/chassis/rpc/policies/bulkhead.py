"""A bulkhead: so many calls of a domain at once; the next ones wait for their turn, then are refused."""

import threading
from collections import deque
from typing import Any

from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.errors import BulkheadFull, NoTimeLeft
from strangler.chassis.rpc.policies.call import SECONDS, Call, Proceed

CALLS = 6
WAIT_SECONDS = SECONDS["query"] / 2
"""A machine that is slow for a moment is no reason to refuse; the other half is for the call itself."""


class Bulkhead:
    """Fewer than a web process has threads, so that one slow domain leaves some to the others."""

    def __init__(self) -> None:
        self.slots: dict[str, Slots] = {}

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        slots = self.slots.get(call.place) or self.slots.setdefault(call.place, Slots(CALLS))
        left = deadline.remaining()
        if not slots.take(WAIT_SECONDS if left is None else max(0.0, min(WAIT_SECONDS, left))):
            if deadline.passed():
                raise NoTimeLeft(call.domain, call.method.name, "its turn did not come in time")
            raise BulkheadFull(call.domain, call.method.name, f"{CALLS} of its calls are under way")
        try:
            return proceed(call)
        finally:
            slots.give_back()


class Slots:
    """A semaphore that serves who came first: with `threading`'s, a thread that calls again at once takes
    its own slot again, and who waits is refused although slots become free all the time."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    def take(self, seconds: float) -> bool:
        """Whether a slot was free, or became so within these seconds."""
        with self._lock:
            if self.free:
                self.free -= 1
                return True
            turn = threading.Lock()
            turn.acquire()
            self.waiting.append(turn)
        if turn.acquire(timeout=seconds):
            return True
        with self._lock:
            if turn in self.waiting:
                self.waiting.remove(turn)
                return False
        return True  # it was handed over just now

    def give_back(self) -> None:
        """Hand the slot to who has waited longest."""
        with self._lock:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self.free += 1
