"""Events that leave a host's own tables: given up, or left over when their domain moved.

What a host gives up lies in `<host>.events.dead` with its reason; `strangler events` shows it, sends it
again, forgets it. What waits here for a domain that has moved, and may have been published before the new
owner listened, is handed to it.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from amqp.basic_message import Message
from msgspec import json

from strangler.chassis.events import envelope, topology
from strangler.chassis.events.broker import BROKEN, Outgoing, connected
from strangler.chassis.events.models import Pending, Received

log = logging.getLogger(__name__)

LONGEST_REASON = 1000
DIED = "its worker died {} times while handling it"


def put_aside(rows: Sequence[Pending], *, host: str, broker: str) -> bool:
    """Put the events into the host's dead letters; whether the broker has them there."""

    def prepare(channel: Any) -> None:
        topology.declare_dead(channel, host)

    messages = [_message(row, host, {envelope.REASON: _reason(row)}) for row in rows]
    if not _sent(topology.dead(host), messages, broker, prepare):
        return False
    for row in rows:
        log.error("%s %s is given up after %d attempts", row.type, row.event_id, row.attempts)
    return True


def hand_over(rows: Sequence[Pending], *, host: str, owner: str, broker: str) -> bool:
    """Give the events to the host that owns what is to handle them; whether the broker has them there."""

    def is_there(channel: Any) -> None:
        channel.queue_declare(topology.queue(owner), passive=True)

    if not _sent(topology.queue(owner), [_message(row, host, {}) for row in rows], broker, is_there):
        return False
    log.info("%d events that were left here go to %s", len(rows), owner)
    return True


def _reason(row: Pending) -> str:
    return (row.last_error or DIED.format(row.attempts))[:LONGEST_REASON]


def _message(row: Pending, host: str, headers: dict[str, Any]) -> Message:
    return envelope.message(
        id=str(row.event_id),
        source=row.source if isinstance(row, Received) else host,
        type=row.type,
        aggregate=row.aggregate,
        time=row.occurred_at,
        traceparent=row.traceparent,
        body=json.encode(row.payload),
        **headers,
    )


def _sent(queue: str, messages: Sequence[Message], broker: str, prepare: Callable[[Any], None]) -> bool:
    try:
        channel = connected(broker, prepare)
        try:
            channel.send([Outgoing("", queue, message) for message in messages])
        finally:
            channel.close()
    except BROKEN as error:
        log.warning("%d events cannot go to %s now: %s", len(messages), queue, error)
        return False
    return True
