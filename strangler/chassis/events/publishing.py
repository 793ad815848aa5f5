"""Saying that something happened."""

import logging

import msgspec
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from opentelemetry.propagate import inject

from strangler.chassis.errors import ChassisError
from strangler.chassis.events.event import PROTOBUF, Event
from strangler.chassis.events.registry import handlers_of

log = logging.getLogger(__name__)

CHANNEL = "events_outbox"
"""Where PostgreSQL tells relays of new events."""


class NotInTransaction(ChassisError):
    """`publish` was called outside a transaction, where an event could outlive its cause or miss it."""


def publish(event: Event) -> None:
    """Write the event to the outbox; handlers, here and elsewhere, run after the caller's transaction has
    committed."""
    from strangler.chassis.events.models import Outbox

    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction(f"{event.TYPE}: publish it inside `transaction.atomic()`.")
    context: dict[str, str] = {}
    inject(context)
    row = Outbox(
        type=event.TYPE,
        aggregate=event.aggregate,
        payload=msgspec.to_builtins(event),
        traceparent=context.get("traceparent", ""),
        delivered_at=None if handlers_of(event.TYPE) else timezone.now(),
    )
    if event.CONTENT_TYPE == PROTOBUF:
        from strangler.chassis.events import protobuf

        row.content_type, row.body = PROTOBUF, protobuf.encode(event)
    row.save(force_insert=True)
    transaction.on_commit(lambda: _committed(row))


def _committed(row: "Outbox") -> None:  # type: ignore[name-defined]  # noqa: F821 - see publish
    """Wake the relays, then run the handlers here. Not within the transaction: those that notify wait for
    each other's commit, one after the other."""
    from strangler.chassis.events.delivery import deliver

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
    except DatabaseError:
        log.exception("%s was not announced; the relay will look by itself", row)
    if row.delivered_at is None:
        deliver([row])
