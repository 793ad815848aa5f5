"""A query by ids is answered by what its owner said last, when that is not too old and nobody else answers.

The age is the contract's to state: how long a caller may go on with a price that may have changed.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ports import Method
from strangler.chassis.rpc.policies.call import Call, Proceed

log = logging.getLogger(__name__)

MOST_KEPT = 20_000
"""Answers of one method that a process keeps; the oldest make room."""

ABSENT: Any = object()


class LastKnown:
    """All of the ids or none: an answer that leaves some out would say that they do not exist."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.kept: dict[tuple[str, str], OrderedDict[Any, tuple[float, Any]]] = {}
        self._lock = threading.Lock()

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        if not call.method.last_known or call.shadow:
            return proceed(call)
        try:
            answer = proceed(call)
        except DomainUnavailable as error:
            known = self._known(call.domain, call.method, call.arguments["ids"])
            if known is None:
                raise
            log.warning("%s; answered with what was known at most %g s ago", error, call.method.last_known)
            return known
        self._keep(call.domain, call.method, call.arguments["ids"], answer)
        return answer

    def _keep(self, domain: str, method: Method, ids: list[Any], answer: dict[Any, Any]) -> None:
        now = self.clock()
        with self._lock:
            kept = self.kept.setdefault((domain, method.name), OrderedDict())
            for one in ids:
                kept[one] = (now, answer.get(one, ABSENT))
                kept.move_to_end(one)
            while len(kept) > MOST_KEPT:
                kept.popitem(last=False)

    def _known(self, domain: str, method: Method, ids: list[Any]) -> dict[Any, Any] | None:
        oldest = self.clock() - method.last_known
        with self._lock:
            kept = self.kept.get((domain, method.name), OrderedDict())
            found = {one: kept.get(one, (oldest - 1, ABSENT)) for one in ids}
        if any(at < oldest for at, _ in found.values()):
            return None
        return {one: value for one, (_, value) in found.items() if value is not ABSENT}
