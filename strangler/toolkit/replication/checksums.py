"""Whether both sides hold the same rows: hashed in the databases by ranges of the key, and row by row only
where a range differs.

Writers go on meanwhile. So a range is read at its owner, then at the follower once that has what the owner
had; and a row counts as differing only if it differs although the owner's has not changed between two looks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from psycopg import sql

from strangler.toolkit.replication import links, statements
from strangler.toolkit.replication.database import Connection, composed, listed, rows, table
from strangler.toolkit.replication.links import Link
from strangler.toolkit.replication.pair import Pair

RANGE_ROWS = 20_000
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
        """What ranges are made of: in an order that is the same on both sides, whatever their libraries'."""
        column = sql.Identifier(self.key[0])
        return composed(statements.IN_ONE_ORDER, column=column) if self.collated else column

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
            for condition in _ranges(here, one):
                count, differs = _range(link, here, there, one, condition)
                found.rows += count
                if differs:
                    keys = _keys(link, here, there, one, condition)
                    found.differing += [(one.name, key) for key in keys]
    return found


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


def _ranges(connection: Connection, one: _Table) -> Iterator[sql.Composable]:
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
