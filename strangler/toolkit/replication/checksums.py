"""Whether both sides hold the same rows: hashed in the databases by ranges of the key, or by parts where its
order need not be the same on both sides, and row by row only where a range or a part differs.

Writers go on meanwhile. So a range is read at its owner, then at the follower once that has what the owner
had; and a row counts as differing only if it differs although the owner's has not changed between two looks.
"""

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter

import psycopg
from psycopg import sql

from strangler.toolkit.replication import links, statements
from strangler.toolkit.replication.database import Connection, composed, listed, rows, table
from strangler.toolkit.replication.links import Link
from strangler.toolkit.replication.pair import Pair

RANGE_ROWS = 20_000
KEYS_AT_ONCE = 1_000
LOOKS = 6
CATCH_UP_SECONDS = 20.0


@dataclass
class Compared:
    """`differing`: rows by table and key."""

    rows: int = 0
    differing: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Table:
    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    collated: bool

    @property
    def first(self) -> sql.Composable:
        """What ranges are made of."""
        return sql.Identifier(self.key[0])

    @property
    def row(self) -> sql.Composable:
        return sql.SQL("ROW({})::text").format(listed(self.columns))

    @property
    def keys(self) -> sql.Composable:
        return sql.SQL("ROW({})::text").format(listed(self.key))


def compare(pair: Pair, link: Link) -> Compared:
    """The publisher's rows against the follower's; raises NotHealthy if that does not keep up."""
    found = Compared()
    with link.publisher.connect() as here, link.subscriber.connect() as there:
        for one in _tables(here, pair):
            suspicious = _parts if one.collated else _ranges
            for condition in suspicious(link, here, there, one, found):
                keys = _keys(link, here, there, one, condition)
                found.differing += [(one.name, key) for key in keys]
    return found


def _ranges(
    link: Link, here: Connection, there: Connection, one: _Table, found: Compared
) -> Iterator[sql.Composable]:
    """The ranges that differ at the first look."""
    for condition in _bounded(here, one):
        count, differs = _range(link, here, there, one, condition)
        found.rows += count
        if differs:
            yield condition


def _parts(
    link: Link, here: Connection, there: Connection, one: _Table, found: Compared
) -> Iterator[sql.Composable]:
    """The rows that differ at the first look, so many at once.

    Text is ordered by a library, of which each server may have another version, and the one order that they
    share ("C") is no index's: each range would be a look at the whole table. So all is read in one pass, in
    parts by a hash of the key, and where some of them differ, their rows in a second one."""
    part = composed(statements.PART, key=one.keys)
    hashes = composed(statements.PARTS_HASHES, part=part, row=one.row, table=table(one.name))
    with _at_one_moment(link, here, there):
        mine, theirs = (_hashes_of_parts(connection, hashes) for connection in (here, there))
        found.rows += sum(count for count, _ in mine.values())
        differing = [p for p in mine.keys() | theirs.keys() if mine.get(p) != theirs.get(p)]
        keys = _unlike(here, there, one, part, differing) if differing else []
    for first in range(0, len(keys), KEYS_AT_ONCE):
        these = (
            sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, key)))
            for key in keys[first : first + KEYS_AT_ONCE]
        )
        yield composed(statements.KEY_IS_ONE_OF, key=listed(one.key), keys=sql.SQL(", ").join(these))


def _hashes_of_parts(connection: Connection, statement: sql.Composed) -> dict[str, tuple[int, str]]:
    # Parts are few, but expected to be as many as there are keys: then the table would be sorted on disk.
    connection.execute(statements.IN_MEMORY)
    return {row["part"]: (row["rows"], row["hash"]) for row in connection.execute(statement)}


@contextmanager
def _at_one_moment(link: Link, here: Connection, there: Connection) -> Iterator[None]:
    """Inside the block both are seen as they were when the follower had caught up, however long reading
    takes: only what was written in that moment is not the same yet."""
    for connection in (here, there):
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with here.transaction(), there.transaction():
        here.execute(statements.SEE)
        links.catch_up(link, seconds=CATCH_UP_SECONDS)
        there.execute(statements.SEE)
        yield


def _unlike(
    here: Connection, there: Connection, one: _Table, part: sql.Composable, parts: list[str]
) -> list[tuple[str, ...]]:
    """The keys of the rows of these parts that are not the same on both sides. One part after the other, so
    that no more than one is held here."""
    key = sql.SQL(", ").join(
        composed(statements.AS_TEXT, column=sql.Identifier(column)) for column in one.key
    )
    names = {"part": part, "key": key, "row": one.row, "table": table(one.name), "parts": sql.Literal(parts)}
    statement = composed(statements.ROWS_OF_PARTS, **names)
    unlike: set[tuple[tuple[str, ...], str]] = set()
    with here.cursor("mine") as mine, there.cursor("theirs") as theirs:
        for cursor in (mine, theirs):
            cursor.itersize = RANGE_ROWS
            cursor.execute(statement)
        for row in heapq.merge(mine, theirs, key=itemgetter("part")):
            unlike ^= {(tuple(row["key"]), row["hash"])}  # what both have goes out again
    return sorted({key for key, _ in unlike})


def _range(
    link: Link, here: Connection, there: Connection, one: _Table, condition: sql.Composable
) -> tuple[int, bool]:
    names = {"row": one.row, "table": table(one.name), "condition": condition}
    statement = composed(statements.ROWS_HASH, **names)
    (mine,) = here.execute(statement).fetchall()
    links.catch_up(link, seconds=CATCH_UP_SECONDS)
    (theirs,) = there.execute(statement).fetchall()
    return int(mine["rows"]), mine != theirs


def _keys(
    link: Link, here: Connection, there: Connection, one: _Table, condition: sql.Composable
) -> list[str]:
    names = {"key": one.keys, "row": one.row, "table": table(one.name), "condition": condition}
    statement = composed(statements.ROWS_HASHES, **names)

    def hashes(connection: Connection) -> dict[str, str]:
        return {row["key"]: row["hash"] for row in connection.execute(statement).fetchall()}

    before = hashes(here)
    suspects: set[str] = set()
    for look in range(LOOKS):
        links.catch_up(link, seconds=CATCH_UP_SECONDS)
        theirs, mine = hashes(there), hashes(here)
        keys = (mine.keys() | theirs.keys()) if look == 0 else suspects
        settled = {key for key in keys if mine.get(key) == before.get(key)}
        wrong = {key for key in settled if mine.get(key) != theirs.get(key)}
        suspects = wrong | (set(keys) - settled)
        before = mine
        if not suspects:
            return []
    # What changes at every look is written to all the time: that is no difference.
    return sorted(wrong)


def _tables(connection: Connection, pair: Pair) -> Iterator[_Table]:
    columns: dict[str, list[str]] = {}
    for row in rows(connection, statements.COLUMNS, [list(pair.tables)]):
        columns.setdefault(row["table"], []).append(row["column"])
    for row in rows(connection, statements.PRIMARY_KEYS, [list(pair.tables)]):
        own = tuple(columns[row["table"]])
        yield _Table(row["table"], tuple(row["columns"]), own, row["collated"])


def _bounded(connection: Connection, one: _Table) -> Iterator[sql.Composable]:
    statement = composed(
        statements.KEY_BOUNDS, key=one.first, table=table(one.name), size=sql.Literal(RANGE_ROWS)
    )
    # As text: what a type can say Python's need not be able to, an infinite date, say.
    bounds: list[str] = [row["first"] for row in connection.execute(statement).fetchall()][1:]
    # The first range has no lower bound and the last no upper one: new rows belong to some range too.
    for first, last in zip([None, *bounds], [*bounds, None], strict=True):
        parts: list[sql.Composable] = [sql.SQL("true")]
        if first is not None:
            parts.append(composed(statements.FROM_BOUND, key=one.first, bound=sql.Literal(first)))
        if last is not None:
            parts.append(composed(statements.BELOW_BOUND, key=one.first, bound=sql.Literal(last)))
        yield sql.SQL(" AND ").join(parts)
