"""Events: what a domain says happened. `publish(OrderPlaced(...))` inside a transaction.

The event is written to the outbox in the caller's transaction. Handlers of domains that this host owns get it
after the commit; a relay process sends it to the others, whose worker takes it in. Each handler runs in a
transaction of its own that holds its domain and claims the event, so that an effect happens exactly once,
however often and on however many hosts the event is delivered. What a crash or a failing handler leaves
undelivered, `sweeping` comes back to; what never goes well lies in the dead letters.

    publishing  →  outbox  →  delivery                        the same host, after the commit
                   outbox  →  relay  →  topology's exchange and queues
                           →  ingress  →  receiving  →  tasks  →  delivery

A handler is known by its dotted path: one that is renamed is another, and handles what is under way again.

Patterns: transactional outbox, idempotent consumer (Richardson, "Microservices Patterns", ch. 3).
"""

from strangler.chassis.events.event import Event
from strangler.chassis.events.publishing import publish
from strangler.chassis.events.registry import Handler, subscribe

__all__ = ["Event", "Handler", "publish", "subscribe"]
