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
FLOOR_SECONDS = 60.0
"""How long a floor is trusted; then all is looked at once."""

# The server gives up on a machine that died without a word within twenty seconds. It would keep the session,
# and the partitions with it, for two hours.
PARAMETERS = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "timezone": "UTC",
}

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
    WHERE published_at IS NULL AND id > %s AND (hashtext(aggregate) & {PARTITIONS - 1}) = ANY(%s)
    ORDER BY id LIMIT %s
"""  # noqa: S608
# A sequence that was never asked says the value that it will give out first.
GIVEN_OUT = "SELECT last_value - (NOT is_called)::int FROM events_outbox_id_seq"
TRANSACTIONS = """
    SELECT pg_snapshot_xmin(now_seen)::text::bigint, pg_snapshot_xmax(now_seen)::text::bigint
    FROM pg_current_snapshot() AS now_seen
"""
DONE = "UPDATE events_outbox SET published_at = now() WHERE id = ANY(%s)"


def session() -> psycopg.Connection[Any]:
    """A session of a relay's own, where Django's settings say, in autocommit mode. Django's connection may go
    back into a pool with its locks held, and has cursors that read nothing in binary."""
    from django.db import connection

    given: dict[str, Any] = connection.get_connection_params()
    parameters = " ".join(f"-c {name}={value}" for name, value in PARAMETERS.items())
    options = f"{given.get('options', '')} {parameters}"
    own = {"options": options, "cursor_factory": psycopg.Cursor, "autocommit": True}
    return psycopg.connect(**given | own)


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


class Floor:
    """The id up to which everything is published, so that nobody looks there.

    Under a snapshot that lasts (a copy of the tables, a backup) PostgreSQL keeps what the index had of rows
    that are long published, and each look would pass by all of it. An id may be committed after higher ones:
    the floor rises to it only when the transactions have ended that ran when it was given out.
    """

    def __init__(self) -> None:
        self.id = 0
        self._began = time.monotonic()
        self._settled = 0
        self._given_out: int | None = None
        self._next_transaction: int | None = None

    def look(self, connection: psycopg.Connection[Any]) -> None:
        """See which ids are settled by now; once a second or so."""
        oldest, following = connection.execute(TRANSACTIONS).fetchone() or (0, 0)
        if self._given_out is not None and self._next_transaction is None:
            # A look later: an id is given out a moment before its transaction has a number.
            self._next_transaction = following
        elif self._next_transaction is not None and oldest >= self._next_transaction:
            self._settled, self._given_out, self._next_transaction = self._given_out or 0, None, None
        if self._given_out is None:
            row = connection.execute(GIVEN_OUT).fetchone()
            self._given_out = int(row[0]) if row else 0

    @property
    def age(self) -> float:
        """Seconds since all was looked at."""
        return time.monotonic() - self._began

    def rise(self, below_first: int | None) -> None:
        """Nothing up to `below_first`, or nothing at all, is left to be published."""
        self.id = self._settled if below_first is None else min(self._settled, below_first)


class Unpublished:
    """One relay's view, by a `session` of its own, which holds the locks."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.mine: set[int] = set()
        self.woken = True
        self.floor = Floor()
        self._shared_at = 0.0
        # With a handler, psycopg does not keep what nobody asks for.
        connection.add_notify_handler(self._notified)
        connection.execute(LISTEN)
        connection.execute(JOIN)

    def next(self, most: int) -> list[Event]:
        """The oldest events that this relay is to send."""
        self.woken = False
        self._take_share()
        found = self.connection.execute(NEXT, [self.floor.id, sorted(self.mine), most], binary=True)
        events = [Event(*row) for row in found.fetchall()]
        self.floor.rise(events[0].row - 1 if events else None)
        return events

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
        if self.floor.age > FLOOR_SECONDS:
            self.floor = Floor()
        self.floor.look(self.connection)
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
            if taken:
                self.floor = Floor()  # nobody may have looked at theirs

    def _notified(self, notification: object) -> None:
        self.woken = True
