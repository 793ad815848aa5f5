"""Saying that something happened."""

import msgspec
from django.db import transaction
from opentelemetry.propagate import inject

from strangler.chassis.errors import ChassisError
from strangler.chassis.events.event import Event


class NotInTransaction(ChassisError):
    """`publish` was called outside a transaction, where an event could outlive its cause or miss it."""


def publish(event: Event) -> None:
    """Write the event to the outbox; local handlers run after the caller's transaction has committed."""
    from strangler.chassis.events.delivery import deliver
    from strangler.chassis.events.models import Outbox

    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction(f"{event.TYPE}: publish it inside `transaction.atomic()`.")
    context: dict[str, str] = {}
    inject(context)
    row = Outbox.objects.create(
        type=event.TYPE,
        aggregate=event.aggregate,
        payload=msgspec.to_builtins(event),
        traceparent=context.get("traceparent", ""),
    )
    transaction.on_commit(lambda: deliver(row.pk))
