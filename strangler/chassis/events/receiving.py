"""What arrives from other hosts becomes rows, in the order in which it came and once each."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from strangler.chassis.events.envelope import Arrived
from strangler.chassis.events.models import Outbox, Received
from strangler.chassis.events.registry import handlers_of
from strangler.chassis.ownership import owned_here

STORE = """
    INSERT INTO events_received
        (event_id, source, type, aggregate, occurred_at, traceparent, payload, waits_for,
         received_at, deliver_after, attempts, last_error)
    SELECT event_id, source, type, aggregate, occurred_at, traceparent, payload::jsonb, waits_for,
           now(), now(), 0, ''
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[],
                %s::text[])
        WITH ORDINALITY AS arrived(event_id, source, type, aggregate, occurred_at, traceparent, payload,
                                   waits_for, place)
    ORDER BY place
    ON CONFLICT (event_id) DO NOTHING
    RETURNING id, source, aggregate, waits_for
"""


class Stored(NamedTuple):
    """A row that is new, or ready for another try."""

    id: int
    source: str
    aggregate: str


def store(events: Sequence[Arrived], *, host: str) -> list[Stored]:
    """Write them; those that were not here before, or are to be tried again, and that are for this host.

    Raises django.db.DataError if a value does not fit, after which none of them is written.
    """
    with transaction.atomic():
        again = {event.id for event in events if event.replay and _revive_own(event)}
        found = _insert([event for event in events if event.id not in again])
        found += [row for event in events if event.replay for row in _revive(event)]
    return list(dict.fromkeys(found))


def concerns(event_type: str, source: str, *, replay: bool, host: str) -> bool:
    """Whether this host does anything about such an event. Its own it has from its outbox."""
    return bool(handlers_of(event_type)) and (source != host or replay)


def _insert(events: Sequence[Arrived]) -> list[Stored]:
    columns: list[Any] = [
        [event.id for event in events],
        [event.source for event in events],
        [event.type for event in events],
        [event.aggregate for event in events],
        [event.time for event in events],
        [event.traceparent for event in events],
        [event.payload for event in events],
        [_waits_for(event.type) for event in events],
    ]
    with connection.cursor() as cursor:
        cursor.execute(STORE, columns)
        return [Stored(*row[:3]) for row in cursor.fetchall() if not row[3]]


def _waits_for(event_type: str) -> str:
    """The domain whose host handles such events, if none of those that do is owned here."""
    away = [handler.domain for handler in handlers_of(event_type) if not owned_here(handler.domain)]
    return away[0] if away and len(away) == len(handlers_of(event_type)) else ""


def _revive_own(event: Arrived) -> bool:
    """Whether it is in the outbox; there it is tried as if for the first time, by the sweeper."""
    row = Outbox.objects.filter(event_id=event.id)
    row.filter(delivered_at=None).update(**_anew())
    return row.exists()


def _revive(event: Arrived) -> list[Stored]:
    row = Received.objects.filter(event_id=event.id, delivered_at=None)
    row.update(**_anew())
    return [Stored(*values) for values in row.values_list("pk", "source", "aggregate")]


def _anew() -> dict[str, Any]:
    return {"dead_at": None, "attempts": 0, "deliver_after": timezone.now(), "last_error": ""}
