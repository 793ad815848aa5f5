"""What comes back to events that were left: by a crash, a failing handler, or a domain that is elsewhere."""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from strangler.chassis.config import current
from strangler.chassis.events import letters
from strangler.chassis.events.delivery import claims_of, deliver, open_handlers, patience
from strangler.chassis.events.models import UNFINISHED, Outbox, Pending, Received
from strangler.chassis.events.registry import domains
from strangler.chassis.ownership import fence, owned_here, owner_of

log = logging.getLogger(__name__)
_sweeping = threading.Lock()

BATCH = 500
BUDGET_SECONDS = 10.0
# A younger event is still being delivered: by the process that committed it, or by its domain's owner, whose
# claim is on its way.
HEAD_START = timedelta(seconds=5)
# Claims outlive whatever could bring an event again.
KEEP = timedelta(days=7)
KEEP_CLAIMS = timedelta(days=30)
SLICE = 5000
PRUNE_SECONDS = 600.0
DELETE_CLAIMS = """
    DELETE FROM events_inbox
    WHERE ctid = ANY(ARRAY(SELECT ctid FROM events_inbox WHERE handled_at < %s LIMIT %s))
"""


def sweep(*, host: str, broker: str) -> int:
    """Deliver what is due, put aside what was tried too often; the number of events looked at.

    One at a time in a process: where handlers are slow, the other threads are for what arrives.
    """
    with connection.cursor() as cursor:
        fence.read(cursor)  # a domain that came back is not missed, although nobody told
    if not _sweeping.acquire(blocking=False):
        return 0
    try:
        return sum(_sweep(model, host=host, broker=broker) for model in (Received, Outbox))
    finally:
        _sweeping.release()


def prune(*, relayed: bool = False, seconds: float = BUDGET_SECONDS) -> int:
    """Forget what is done and old, a slice of each table at a time until these seconds are over; how many
    rows that were. `relayed`: this host surely has a relay."""
    ends, count = time.monotonic() + seconds, 0
    now = timezone.now()
    old = now - KEEP
    done = Q(delivered_at__lt=old) | Q(dead_at__lt=now - KEEP_CLAIMS)
    sent = Q(published_at__lt=old)
    out = done & (sent if relayed else sent | _nobody_relays())
    while True:
        slices = _delete(Outbox, out, old), _delete(Received, done, old), _delete_claims(now - KEEP_CLAIMS)
        count += sum(slices)
        if max(slices) < SLICE or time.monotonic() >= ends:
            return count


def _sweep(model: type[Pending], *, host: str, broker: str) -> int:
    ends, last, count = time.monotonic() + BUDGET_SECONDS / 2, 0, 0  # half for each table
    while time.monotonic() < ends:
        rows = list(_due(model, timezone.now()).filter(pk__gt=last).order_by("pk")[:BATCH])
        if not rows:
            break
        last, count = rows[-1].pk, count + len(rows)
        _sort_out(rows, host=host, broker=broker, until=ends)
    return count


def _due(model: type[Pending], now: datetime) -> Any:
    came_back = [domain for domain in domains() if owned_here(domain)]
    left = Q(deliver_after__lte=now, **{f"{model.BEGAN}__lte": now - HEAD_START})
    tried = Q(deliver_after__lte=now) & (Q(attempts__gt=0) | ~Q(waits_for=""))
    return model.objects.filter(UNFINISHED).filter(left | tried | Q(waits_for__in=came_back))


def _sort_out(rows: Sequence[Pending], *, host: str, broker: str, until: float) -> None:
    """In bulk what is done and what only waits; the rest by the aggregate."""
    claims, most = claims_of(rows), current().event_attempts
    stale = timezone.now() - HEAD_START
    done: list[Pending] = []
    waiting: list[Pending] = []
    left: dict[str, list[Pending]] = {}
    given_up: list[Pending] = []
    due: dict[tuple[str, ...], Pending] = {}
    for row in rows:
        handlers = open_handlers(row, claims)
        if not handlers:
            done.append(row)
            continue
        away = [handler.domain for handler in handlers if not owned_here(handler.domain)]
        owner = owner_of(away[0]) if away else ""
        if row.handed_to != owner and (not owner or getattr(row, row.BEGAN) <= stale):
            left.setdefault(owner, []).append(row)
        if len(away) == len(handlers):
            row.waits_for = away[0]
            waiting.append(row)
        elif row.attempts >= most:
            given_up.append(row)
        else:
            due.setdefault(tuple(row.key.values()), row)
    _update(done, delivered_at=timezone.now())
    for owner, theirs in left.items():
        # What came back may go to the same owner again, whose queue is another one by then.
        if not owner or letters.hand_over(theirs, host=host, owner=owner, broker=broker):
            _update(theirs, handed_to=owner)
    _wait_on(waiting)
    if given_up and letters.put_aside(given_up, host=host, broker=broker):
        _update(given_up, dead_at=timezone.now())
    for row in due.values():
        deliver([row], again=True, until=until)


def _update(rows: Sequence[Pending], **values: Any) -> None:
    if rows:
        type(rows[0]).objects.filter(UNFINISHED, pk__in=[row.pk for row in rows]).update(**values)


def _wait_on(rows: Sequence[Pending]) -> None:
    if rows:
        now = timezone.now()
        for row in rows:
            row.deliver_after = now + patience(row, now)
        type(rows[0]).objects.bulk_update(rows, ["waits_for", "deliver_after"])


def _nobody_relays() -> Q:
    """Where no relay has ever run, nobody elsewhere waits for what is old."""
    never = not Outbox.objects.exclude(published_at=None).exists()
    return Q(pk__isnull=not never)


def _delete(model: type[Pending], which: Q, before: datetime) -> int:
    # What was done before began before: by its age it is found without reading all that is young.
    found = model.objects.filter(which, **{f"{model.BEGAN}__lt": before}).values_list("pk", flat=True)[:SLICE]
    return int(model.objects.filter(pk__in=list(found)).delete()[0])


def _delete_claims(before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(DELETE_CLAIMS, [before, SLICE])
        return int(cursor.rowcount)
