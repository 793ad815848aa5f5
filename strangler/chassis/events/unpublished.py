"""The outbox as a relay sees it: what is not published yet, and which part of it is this relay's.

Aggregates fall into PARTITIONS by a hash. A relay sends only what is in the partitions whose advisory locks
its session holds, so that one relay at a time sends an aggregate's events, in their order; when it dies, its
session ends and others take over. (SKIP LOCKED would let several relays send them in any order.)
"""

import math
import random
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from strangler.chassis.events.publishing import CHANNEL

PARTITIONS = 16
LOCK_CLASS = 1937011314
PRESENT = 1000
"""The lock that every relay shares, by which they are counted."""
SHARE_SECONDS = 1.0

LISTEN = f"LISTEN {CHANNEL}"
JOIN = f"SELECT pg_advisory_lock_shared({LOCK_CLASS}, {PRESENT})"
COUNT = f"""
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {LOCK_CLASS} AND objid = {PRESENT} AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608 - constants of this module
TAKE = f"""
    SELECT wanted FROM unnest(%s::int[]) AS wanted
    WHERE pg_try_advisory_lock({LOCK_CLASS}, wanted) LIMIT %s
"""  # noqa: S608
LEAVE = f"SELECT pg_advisory_unlock({LOCK_CLASS}, given) FROM unnest(%s::int[]) AS given"  # noqa: S608
NEXT = f"""
    SELECT id, event_id, type, aggregate, occurred_at, traceparent, content_type,
           coalesce(body, convert_to(payload::text, 'UTF8'))
    FROM events_outbox
    WHERE published_at IS NULL AND (hashtext(aggregate) & {PARTITIONS - 1}) = ANY(%s)
    ORDER BY id LIMIT %s
"""  # noqa: S608
DONE = "UPDATE events_outbox SET published_at = now() WHERE id = ANY(%s)"


class Event(NamedTuple):
    """An event that is to be sent."""

    row: int
    id: UUID
    type: str
    aggregate: str
    time: datetime
    traceparent: str
    content_type: str
    body: bytes


class Unpublished:
    """One relay's view, on a connection of its own in autocommit mode: its session holds the locks."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.mine: set[int] = set()
        self.woken = True
        self._shared_at = 0.0
        # With a handler, psycopg does not keep what nobody asks for.
        connection.add_notify_handler(self._notified)
        connection.execute(LISTEN)
        connection.execute(JOIN)

    def next(self, most: int) -> list[Event]:
        """The oldest events that this relay is to send."""
        self.woken = False
        self._take_share()
        rows = self.connection.execute(NEXT, [sorted(self.mine), most], binary=True).fetchall()
        return [Event(*row) for row in rows]

    def published(self, events: Sequence[Event]) -> None:
        """The broker has them."""
        self.connection.execute(DONE, [[event.row for event in events]])

    def look(self) -> bool:
        """Whether somebody has published since `next`; raises OperationalError if the server is gone."""
        self.connection.pgconn.consume_input()
        while self.connection.pgconn.notifies():
            self.woken = True
        return self.woken

    def _take_share(self) -> None:
        """As many partitions as there are for each relay, rounded up; no others."""
        if time.monotonic() - self._shared_at < SHARE_SECONDS:
            return
        self._shared_at = time.monotonic()
        row = self.connection.execute(COUNT).fetchone()
        share = math.ceil(PARTITIONS / max(1, row[0] if row else 1))
        if len(self.mine) > share:
            given = random.sample(sorted(self.mine), len(self.mine) - share)
            self.connection.execute(LEAVE, [given])
            self.mine -= set(given)
        elif len(self.mine) < share:
            others = [number for number in range(PARTITIONS) if number not in self.mine]
            random.shuffle(others)
            taken = self.connection.execute(TAKE, [others, share - len(self.mine)]).fetchall()
            self.mine |= {number for (number,) in taken}

    def _notified(self, notification: object) -> None:
        self.woken = True
