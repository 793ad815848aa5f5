"""Dead letters: what a host gave up, in `<host>.events.dead` with its reason, for somebody to look at.

`strangler events` shows them, sends them again and forgets them.
"""

import logging
from collections.abc import Sequence

import msgspec

from strangler.chassis.events import envelope, topology
from strangler.chassis.events.broker import BROKEN, Outgoing, connected
from strangler.chassis.events.models import Pending, Received

log = logging.getLogger(__name__)

LONGEST_REASON = 1000


def letter(row: Pending, *, host: str) -> Outgoing:
    """The event with the reason of its last failure."""
    message = envelope.message(
        id=str(row.event_id),
        source=row.source if isinstance(row, Received) else host,
        type=row.type,
        aggregate=row.aggregate,
        time=row.occurred_at,
        traceparent=row.traceparent,
        body=msgspec.json.encode(row.payload),
        **{envelope.REASON: (row.last_error or DIED.format(row.attempts))[:LONGEST_REASON]},
    )
    return Outgoing("", topology.dead(host), message)


DIED = "its worker died {} times while handling it"


def put_aside(rows: Sequence[Pending], *, host: str, broker: str) -> bool:
    """Put the events into the dead letters; whether the broker has them there."""
    try:
        channel = connected(broker, lambda channel: topology.declare_dead(channel, host))
        try:
            channel.send([letter(row, host=host) for row in rows])
        finally:
            channel.close()
    except BROKEN as error:
        log.warning("%d events cannot be put aside now: %s", len(rows), error)
        return False
    for row in rows:
        log.error("%s %s is given up after %d attempts", row.type, row.event_id, row.attempts)
    return True
