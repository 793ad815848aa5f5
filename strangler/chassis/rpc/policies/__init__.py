"""What every remote call goes through, by its mark and where it goes. Nobody configures a call.

From the outside in: a query's fallback, or what is last known, answers when nothing else does; queries for
rows by key that are made at once go as one; a domain that has moved is asked where it is now; what has not
been done, or may be done again, is repeated within a budget; a breaker stops asking who does not answer; a
bulkhead keeps one slow domain from taking every thread.
(Nygard, "Release It!"; the order is Resilience4j's.)
"""

from collections.abc import Callable

from strangler.chassis.rpc.policies.batch import Batch
from strangler.chassis.rpc.policies.breaker import Breaker
from strangler.chassis.rpc.policies.bulkhead import Bulkhead
from strangler.chassis.rpc.policies.call import Policy
from strangler.chassis.rpc.policies.fallback import Fallback
from strangler.chassis.rpc.policies.follow import Follow
from strangler.chassis.rpc.policies.last_known import LastKnown
from strangler.chassis.rpc.policies.retry import Retry

PIPELINE: tuple[Callable[[], Policy], ...] = (Fallback, LastKnown, Batch, Follow, Retry, Breaker, Bulkhead)
