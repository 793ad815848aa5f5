"""Handing events to this host's handlers.

A handler runs in a transaction of its own that holds its domain and claims the event for it, so its effect
happens once, however often and on however many hosts the event arrives, and goes nowhere while the domain
moves. Events of one aggregate reach a domain in their order; a domain that fails, or has moved, keeps no
other domain waiting.
"""

import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

import msgspec
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind

from strangler.chassis.config import current
from strangler.chassis.errors import ContractError, DomainUnavailable
from strangler.chassis.events.models import UNFINISHED, Inbox, Pending
from strangler.chassis.events.registry import Subscription, event_class, handlers_of
from strangler.chassis.ownership import learn, moved, owned_here

log = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)

FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=5)
BATCH = 500
UNAVAILABLE = 503

CLAIM = "SELECT events_claim(%s, %s, %s)"

Claims = set[tuple[UUID, str]]


@dataclass(frozen=True)
class Attempt:
    """At an event's handlers. `counted`: the row says so already."""

    counted: bool


@dataclass(frozen=True)
class Failure:
    """Why a handler did not have its effect. `blamed`: it may be the event's fault. `moved`: it is for
    another host to have it."""

    text: str
    blamed: bool = False
    moved: bool = False


def deliver(given: Sequence[Pending], *, again: bool = False, until: float = math.inf) -> None:
    """Give these events (of one table) to their handlers, with what waits before and behind them.

    `again`: somebody may have died of them, so attempts are counted before they are made. `until`: nothing is
    begun from then on, by the monotonic clock. Never raises for a failure of a handler or of the database:
    the cause is committed already, and `sweep` comes back to it.
    """
    seen: dict[tuple[str, ...], int] = {}
    try:
        while time.monotonic() < until:
            # Who came meanwhile found those before it unfinished, and left: so look once more in the end.
            waiting = {key: rows for key, rows in unfinished(given).items() if rows[-1].pk > seen.get(key, 0)}
            seen |= {key: rows[-1].pk for key, rows in waiting.items()}
            finished = [_deliver(rows, again=again, until=until) for rows in waiting.values()]
            if not any(finished):
                return
    except DatabaseError:
        log.exception("%d events could not be delivered now; the sweeper will", len(given))


def unfinished(given: Sequence[Pending]) -> dict[tuple[str, ...], list[Pending]]:
    """What is to be delivered of the events' aggregates, each in order."""
    found: dict[tuple[str, ...], list[Pending]] = {}
    if given:
        keys = {tuple(row.key.values()): Q(**row.key) for row in given}
        wanted = reduce(or_, keys.values())
        for row in type(given[0]).objects.filter(UNFINISHED & wanted).order_by("pk")[:BATCH]:
            found.setdefault(tuple(row.key.values()), []).append(row)
    return found


def claims_of(rows: Iterable[Pending]) -> Claims:
    """Which handlers have handled these events, wherever that was."""
    found = Inbox.objects.filter(event_id__in=[row.event_id for row in rows])
    return set(found.values_list("event_id", "handler"))


def open_handlers(row: Pending, claims: Claims) -> list[Subscription]:
    """Those who have not handled the event."""
    return [handler for handler in handlers_of(row.type) if (row.event_id, handler.name) not in claims]


def patience(row: Pending, now: datetime) -> timedelta:
    """How long to leave alone what waits for others: longer, the longer it has waited."""
    return min(max((now - row.occurred_at) / 4, FIRST_RETRY), LONGEST_RETRY)


def _deliver(rows: Sequence[Pending], *, again: bool, until: float) -> bool:
    """Whether any of the aggregate's events was finished."""
    fresh = len(rows) == 1 and not rows[0].attempts and not rows[0].waits_for
    claims = set() if fresh else claims_of(rows)
    blocked: set[str] = set()
    finished = False
    for row in rows:
        if time.monotonic() >= until:
            break
        handlers = open_handlers(row, claims)
        mine = [h for h in handlers if h.domain not in blocked and owned_here(h.domain)]
        attempt = _begin(row, again=again) if mine else None
        failures = []
        for handler in mine if attempt else []:
            if failure := _handle(row, handler, last=handlers == [handler]):
                failures.append(failure)
            else:
                handlers.remove(handler)
        if handlers:
            _postpone(row, handlers, attempt, failures)
            blocked.update(handler.domain for handler in handlers)
        else:
            if not attempt:
                _finish(row)
            finished = True
    return finished


def _begin(row: Pending, *, again: bool) -> Attempt | None:
    """None unless it is this event's time and nobody else is at it. Where somebody has tried before, the
    attempt is counted before it is made, so that an event that kills its process is found out."""
    if not (again or row.attempts or row.waits_for):
        return Attempt(counted=False)
    now = timezone.now()
    comes_back = bool(row.waits_for) and owned_here(row.waits_for)
    if row.attempts >= current().event_attempts or (row.deliver_after > now and not comes_back):
        return None
    taken = type(row).objects.filter(
        UNFINISHED, pk=row.pk, attempts=row.attempts, deliver_after=row.deliver_after
    )
    if not taken.update(attempts=row.attempts + 1, deliver_after=now + _backoff(row), waits_for=""):
        return None
    return Attempt(counted=True)


def _handle(row: Pending, handler: Subscription, *, last: bool) -> Failure | None:
    """Fence, claim and effect in one transaction, with the `last` one the note that all is done; why not,
    or None."""
    context = extract({"traceparent": row.traceparent})
    with tracer.start_as_current_span(handler.name, context=context, kind=SpanKind.CONSUMER) as span:
        try:
            event = msgspec.convert(row.payload, event_class(row.type), strict=False)
            with transaction.atomic():
                if _claim(row, handler):
                    handler.function(event)
                if last:
                    _finish(row)
        except Exception as error:
            if (refusal := moved(error)) is not None:
                learn(refusal.domain, refusal.owner, refusal.epoch)
                return Failure(str(refusal), moved=refusal.domain == handler.domain)
            span.record_exception(error)
            log.exception("%s failed on %s %s", handler.name, row.type, row.event_id)
            return Failure(f"{handler.name}: {error!r}", blamed=not _unavailable(error))
    return None


def _claim(row: Pending, handler: Subscription) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [row.event_id, handler.name, handler.domain])
        return bool(cursor.fetchone()[0])


def _unavailable(error: Exception) -> bool:
    """Whether something was out of reach, which is no fault of the event's."""
    if isinstance(error, ContractError):
        return error.status == UNAVAILABLE
    return isinstance(error, DomainUnavailable | OperationalError | InterfaceError)


def _postpone(
    row: Pending, handlers: Sequence[Subscription], attempt: Attempt | None, failures: Sequence[Failure]
) -> None:
    """Note why, and when to come back to it."""
    now, counted = timezone.now(), attempt is not None and attempt.counted
    blamed = [failure.text for failure in failures if failure.blamed]
    excused = [failure.text for failure in failures if not failure.blamed and not failure.moved]
    away = next((handler.domain for handler in handlers if not owned_here(handler.domain)), "")
    if blamed:
        again = {} if counted else {"attempts": row.attempts + 1, "deliver_after": now + _backoff(row)}
        _update(row, last_error="\n".join(blamed)[:2000], **again)
    elif excused:
        later = now + patience(row, now)
        _update(row, attempts=row.attempts, deliver_after=later, last_error="\n".join(excused)[:2000])
    elif away and (counted or row.deliver_after <= now):
        _update(row, attempts=row.attempts, deliver_after=now + patience(row, now), waits_for=away)


def _backoff(row: Pending) -> timedelta:
    doubled: timedelta = FIRST_RETRY * 2 ** min(row.attempts, 10)
    return min(doubled, LONGEST_RETRY)


def _finish(row: Pending) -> None:
    _update(row, delivered_at=timezone.now())


def _update(row: Pending, **values: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**values)
