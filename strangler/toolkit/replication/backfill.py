"""The first copy: everything that a slot's snapshot sees, by binary COPY over several connections.

The slot is created on a replication connection that exports the snapshot of exactly the position from
which the slot will send: what the snapshot shows is copied, what came after it is sent. The snapshot
lives as long as that connection: a copy that was interrupted starts again, with a new slot and empty tables.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psycopg
from psycopg import errors, sql
from psycopg.pq import DiagnosticField, ExecStatus

from strangler.chassis.ownership.schema import LOCK_CLASS
from strangler.toolkit.replication import copies, links, statements
from strangler.toolkit.replication.database import (
    Connection,
    composed,
    listed,
    rows,
    run,
    table,
    tables,
)
from strangler.toolkit.replication.errors import Busy, ReplicationError
from strangler.toolkit.replication.links import Link, drop_slot
from strangler.toolkit.replication.ownership import ownership_in
from strangler.toolkit.replication.pair import Pair

PAGES_A_PART = 1024
"""8 MiB of a table: small enough for a live display and an even share, large enough to cost nothing."""
BLOCK = 256 * 1024
CANCEL_SECONDS = 5.0


@dataclass(frozen=True)
class Part:
    """Some pages of a table."""

    table: str
    columns: tuple[str, ...]
    condition: sql.Composable


@dataclass
class Copied:
    """How far the copy is. `expected` is the server's estimate."""

    expected: int = 0
    rows: int = 0
    bytes: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0

    def add(self, name: str, count: int, size: int) -> None:
        """A part has arrived."""
        with self._lock:
            self.rows += count
            self.bytes += size
            self.tables[name] = self.tables.get(name, 0) + count


Watch = Callable[[Copied], None]


def backfill(pair: Pair, *, connections: int, watch: Watch, still: Callable[[], None]) -> Copied:
    """Empty the target's tables, create the forward slot and copy what its snapshot sees. `still` raises if
    somebody else may be doing that by now. The fence stands: nobody writes what is looked at here first."""
    copies.check(pair)
    drop_slot(pair.forward)
    empty(pair, still)
    with exported_snapshot(pair.forward) as snapshot:
        return copy(pair, snapshot, connections=connections, watch=watch)


def empty(pair: Pair, still: Callable[[], None]) -> None:
    """Remove what the target's tables hold: its own seeds, or half a copy. Raises ReplicationError where they
    are in use: what is removed here no fence and no foreign key keeps.

    Who owns the domain is looked at under the lock that a writer or a cutover needs; and a command that
    stands still before it is done is ended by the server, so that it cannot go on with an old answer.
    """
    with pair.target.session() as connection:
        for setting in (statements.AS_REPLICA, statements.EMPTY_LOCK_TIMEOUT, statements.EMPTY_IDLE_TIMEOUT):
            connection.execute(setting)
        try:
            with connection.transaction():
                connection.execute(statements.LOCK_IN_TRANSACTION, [LOCK_CLASS, pair.domain])
                _in_nobodys_use(connection, pair)
                still()
                _empty(connection, pair)
                copies.mark(connection, pair)
        except errors.LockNotAvailable as error:
            raise Busy(
                f"The tables of {pair.domain} at {pair.target.host} are in use, and were not emptied for the "
                "copy. Run the command again."
            ) from error


def _in_nobodys_use(connection: Connection, pair: Pair) -> None:
    found = ownership_in(connection, pair.domain)
    if found is not None and found.here:
        raise ReplicationError(
            f"{pair.target.host} owns {pair.domain}: its tables are not emptied for a copy."
        )
    if rows(connection, statements.SUBSCRIPTION, [pair.forward.name]):
        raise ReplicationError(
            f"{pair.target.host} follows {pair.source.host} already: its tables are not emptied for a copy."
        )


def _empty(connection: Connection, pair: Pair) -> None:
    try:
        with connection.transaction():
            run(connection, statements.EMPTY, tables=tables(pair.tables))
    except errors.FeatureNotSupported:  # a table of another domain refers to one of them
        for name in pair.tables:
            run(connection, statements.EMPTY_ONE, table=table(name))
    if pair.claims:
        run(connection, statements.EMPTY_CLAIMS, table=table(pair.claims), domain=sql.Literal(pair.domain))


@contextmanager
def exported_snapshot(link: Link) -> Iterator[str]:
    """Create the link's slot; the name of the snapshot that goes with it, valid inside the block."""
    with link.publisher.connect(replication="database") as connection:
        timer = threading.Timer(links.SLOT_SECONDS, connection.cancel)
        timer.start()
        try:
            # A replication connection understands the simple protocol only.
            statement = statements.EXPORT_SLOT.replace("{name}", link.name)
            result = connection.pgconn.exec_(statement.encode())
        finally:
            timer.cancel()
        if result.status != ExecStatus.TUPLES_OK:
            state = result.error_field(DiagnosticField.SQLSTATE) or b""
            if state.decode() == errors.QueryCanceled.sqlstate:
                raise Busy(links.too_long(link.publisher, link.name))
            message = result.error_message.decode(errors="replace").strip()
            raise ReplicationError(f"The slot {link.name} could not be created: {message}")
        snapshot = result.get_value(0, 2)
        assert snapshot is not None
        yield snapshot.decode()


def copy(pair: Pair, snapshot: str, *, connections: int, watch: Watch) -> Copied:
    """Copy the parts of all tables by so many connections; `watch` hears of each part. When one of them
    fails, or the command is interrupted, none goes on: the caller's lock may be another's in a moment."""
    with pair.source.session() as connection:
        parts, expected = _parts(connection, pair)
    progress = Copied(expected=expected)
    started = time.monotonic()
    waiting = iter(parts)
    taking = threading.Lock()
    failed = threading.Event()
    copying: list[Connection] = []

    def work() -> None:
        with reading(pair, snapshot) as out, writing(pair) as into:
            copying.extend((out, into))
            while not failed.is_set():
                with taking:
                    part = next(waiting, None)
                if part is None:
                    return
                count, size = pump(out, into, part)
                progress.add(part.table, count, size)
                progress.seconds = time.monotonic() - started
                watch(progress)

    workers = max(1, min(connections, len(parts)))
    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in as_completed([pool.submit(work) for _ in range(workers)]):
                future.result()
        except BaseException:
            failed.set()
            for connection in copying:
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=CANCEL_SECONDS)
            raise
    progress.seconds = time.monotonic() - started
    with pair.target.session() as connection:
        for name in pair.tables:
            run(connection, statements.ANALYZE, table=table(name))
    return progress


@contextmanager
def reading(pair: Pair, snapshot: str) -> Iterator[Connection]:
    """A transaction of the source that sees exactly the snapshot."""
    with pair.source.connect() as connection:
        connection.autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        run(connection, statements.IMPORT_SNAPSHOT, snapshot=sql.Literal(snapshot))
        yield connection
        connection.rollback()


@contextmanager
def writing(pair: Pair) -> Iterator[Connection]:
    """A connection to the target whose writes meet no trigger and no foreign key, as replication's."""
    with pair.target.connect() as connection:
        connection.execute(statements.AS_REPLICA)
        # A crash loses the copy's last moment, and then the copy starts again anyway.
        connection.execute(statements.MAY_BE_LOST)
        yield connection


def pump(out: Connection, into: Connection, part: Part) -> tuple[int, int]:
    """One part from here to there, in larger blocks than rows arrive in: how many rows and bytes."""
    names = {"table": table(part.table), "columns": listed(part.columns)}
    size, block = 0, bytearray()
    writer, reader = into.cursor(), out.cursor()
    with (
        writer.copy(composed(statements.COPY_IN, **names)) as target,
        reader.copy(composed(statements.COPY_OUT, condition=part.condition, **names)) as source,
    ):
        for row in source:
            block += row
            if len(block) >= BLOCK:
                size += len(block)
                target.write(bytes(block))
                block.clear()
        target.write(bytes(block))
    return writer.rowcount, size + len(block)


def _parts(connection: Connection, pair: Pair) -> tuple[list[Part], int]:
    """All tables in parts, the largest first, and how many rows the server thinks they have.

    Pages, not keys, because every table has pages: any key will do, and the shares are even."""
    names = [*pair.tables, *([pair.claims] if pair.claims else [])]
    columns: dict[str, list[str]] = {}
    for row in rows(connection, statements.COLUMNS, [names]):
        columns.setdefault(row["table"], []).append(row["column"])
    found: list[tuple[int, Part]] = []
    expected = 0
    for row in rows(connection, statements.PAGES, [names]):
        name, own = row["table"], tuple(columns[row["table"]])
        if name == pair.claims:
            mine = composed(statements.OWN_CLAIMS, domain=sql.Literal(pair.domain))
            found.append((row["pages"], Part(name, own, mine)))
            continue
        expected += row["rows"]
        for first in range(0, max(1, row["pages"]), PAGES_A_PART):
            last = first + PAGES_A_PART
            between = statements.BETWEEN_PAGES if last < row["pages"] else statements.FROM_PAGE
            pages = {"first": sql.Literal(f"({first},0)"), "last": sql.Literal(f"({last},0)")}
            condition = composed(between, **pages)
            found.append((row["pages"], Part(name, own, condition)))
    found.sort(key=lambda item: -item[0])
    return [part for _, part in found], expected
