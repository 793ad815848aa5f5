"""What the broker holds for events, declared here and nowhere else; declaring it again changes nothing.

`strangler.events` is a topic exchange: a relay sends to it with the event's type as the key. Each host that
listens has `<host>.events`, a quorum queue that is bound to the types that its domains subscribe to, with one
active consumer at a time, so that events stay in order; and `<host>.events.dead`, for what it could not work
on, with the reason. A message whose consumer dies of it MOST_DELIVERIES times goes there by itself.
`<host>.tasks` is its worker's own, and Celery's.
"""

from collections.abc import Iterable
from typing import Any

EXCHANGE = "strangler.events"
MOST_DELIVERIES = 20
LOOKS = 1_000_000
"""Who looks at a dead letter takes it and gives it back, and RabbitMQ 4 drops what came back 20 times."""


def queue(host: str) -> str:
    """Where a host's events arrive."""
    return f"{host}.events"


def dead(host: str) -> str:
    """Where those lie that it could not work on."""
    return f"{host}.events.dead"


def tasks(host: str) -> str:
    """Where its worker's tasks wait."""
    return f"{host}.tasks"


def declare_exchange(channel: Any) -> None:
    """For those who only send."""
    channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)


def declare_host(channel: Any, host: str, types: Iterable[str], *, others: Iterable[str] = ()) -> None:
    """A host's queues; from now on it misses none of these events, and gets none of the `others`, which a
    domain may have wanted that has moved away."""
    declare_exchange(channel)
    declare_dead(channel, host)
    arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": MOST_DELIVERIES,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead(host),
        # Nothing is dropped on the way into the dead letters; it wants an overflow that refuses.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    channel.queue_declare(queue(host), durable=True, auto_delete=False, arguments=arguments)
    for event_type in types:
        channel.queue_bind(queue(host), EXCHANGE, routing_key=event_type)
    for event_type in others:
        channel.queue_unbind(queue(host), EXCHANGE, routing_key=event_type)


def declare_dead(channel: Any, host: str) -> None:
    """The queue of the dead letters alone."""
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": LOOKS}
    channel.queue_declare(dead(host), durable=True, auto_delete=False, arguments=arguments)
