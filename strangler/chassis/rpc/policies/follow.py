"""A domain that has moved is asked where it is now.

Each hop follows a later word on who the owner is, so that two hosts which disagree cannot send a call to and
fro. A host that does not know yet that it is the owner is asked again for a moment: callers are held, not
failed.
"""

import time
from dataclasses import replace
from typing import Any

from strangler.chassis import ownership
from strangler.chassis.ownership import DomainMoved
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.errors import OwnerUnavailable
from strangler.chassis.rpc.policies.call import Call, Proceed

MOST_HOPS = 3
PATIENCE_SECONDS = 2.0
PAUSE_SECONDS = 0.05


class Follow:
    """Raises DomainMoved where the owner turns out to be this very host: its port then asks directly."""

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return proceed(call)
            except DomainMoved as moved:
                if not call.follows:
                    raise
                call = self._onward(call, moved, ends)

    def _onward(self, call: Call, moved: DomainMoved, ends: float) -> Call:
        ownership.learn(moved.domain, moved.owner, moved.epoch)
        if ownership.owned_here(call.domain):
            raise moved
        owner = ownership.owner_of(call.domain)
        # An owner that was not asked yet is, however long it took to hear of it.
        in_vain = owner == call.host and time.monotonic() >= ends
        if in_vain or deadline.passed() or call.hops >= MOST_HOPS:
            reason = (
                f"it is moving: {call.host} says that {moved.owner} owns it, and {owner} was asked in vain"
            )
            raise OwnerUnavailable(call.domain, call.method.name, reason) from moved
        if owner != call.host:
            return replace(call, host=owner, hops=call.hops + 1)
        time.sleep(PAUSE_SECONDS)
        return call
