"""Handing events of the outbox to this host's handlers."""

import logging
from datetime import timedelta

import msgspec
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from opentelemetry import context
from opentelemetry.propagate import extract

from strangler.chassis.events.models import Outbox
from strangler.chassis.events.registry import event_class, handlers_of

log = logging.getLogger(__name__)

FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=5)
# An event younger than this is still being delivered by the process that committed it.
HEAD_START = timedelta(seconds=5)

CLAIM = """
    INSERT INTO events_inbox (event_id, handler, handled_at) VALUES (%s, %s, now())
    ON CONFLICT (event_id, handler) DO NOTHING
"""


def deliver(outbox_id: int) -> bool:
    """Run every handler that has not handled the event yet; whether all have now.

    An event waits for the earlier ones of its aggregate. A failing handler is logged and noted on the
    row, does not keep the others from running, and is tried again by `sweep`. Never raises for a
    failure of a handler or of the database: the cause is committed already.
    """
    try:
        row = Outbox.objects.get(pk=outbox_id)
        undelivered = Outbox.objects.filter(aggregate=row.aggregate, delivered_at=None)
        if undelivered.filter(pk__lt=row.pk).exists():
            return False
        failures = [error for name in handlers_of(row.type) if (error := _handle(row, name))]
        if failures:
            _postpone(row, failures)
            return False
        row.delivered_at = timezone.now()
        row.save(update_fields=["delivered_at"])
    except DatabaseError:
        log.exception("outbox row %s could not be delivered now; the sweeper will", outbox_id)
        return False
    return True


def sweep(*, limit: int = 200) -> int:
    """Deliver what a crash or a failing handler left behind; the number of events delivered."""
    now = timezone.now()
    due = Outbox.objects.filter(
        delivered_at=None, deliver_after__lte=now, occurred_at__lte=now - HEAD_START
    ).order_by("pk")
    return sum(deliver(pk) for pk in due.values_list("pk", flat=True)[:limit])


def _handle(row: Outbox, name: str) -> str | None:
    """Inbox row and effect in one transaction; what went wrong, or None."""
    token = context.attach(extract({"traceparent": row.traceparent}))
    try:
        event = msgspec.convert(row.payload, event_class(row.type), strict=False)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(CLAIM, [row.event_id, name])
                if cursor.rowcount == 0:
                    return None
            handlers_of(row.type)[name](event)
    except Exception as error:
        log.exception("%s failed on %s %s", name, row.type, row.event_id)
        return f"{name}: {error!r}"
    finally:
        context.detach(token)
    return None


def _postpone(row: Outbox, failures: list[str]) -> None:
    delay = min(FIRST_RETRY * 2 ** min(row.attempts, 10), LONGEST_RETRY)
    row.attempts += 1
    row.deliver_after = timezone.now() + delay
    row.last_error = "\n".join(failures)[:2000]
    row.save(update_fields=["attempts", "deliver_after", "last_error"])
