"""Events: what a domain says happened. `publish(OrderPlaced(...))` inside a transaction.

The event is written to the outbox in the caller's transaction and handed to its local handlers after
the commit, each in a transaction of its own together with an inbox row, so that an effect happens
exactly once however often it is delivered. What a crash leaves undelivered, `sweep` delivers.

Patterns: transactional outbox, idempotent consumer (Richardson, "Microservices Patterns", ch. 3).
"""

from strangler.chassis.events.event import Event
from strangler.chassis.events.publishing import publish
from strangler.chassis.events.registry import Handler, subscribe

__all__ = ["Event", "Handler", "publish", "subscribe"]
