"""Sequences are not replicated: the next owner's are set past the owner's before it gives out ids."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import Connection, Row, composed, rows
from strangler.toolkit.replication.errors import NotReady

MARGIN = 100
"""How many of its steps a sequence is set ahead: ids that the former owner gave out and never committed."""
MORE_ROOM = (
    "Give it a larger range on both sides: ALTER SEQUENCE … MAXVALUE … (MINVALUE, if it counts down). Where "
    "its type has no larger one: ALTER SEQUENCE … AS bigint, and ALTER TABLE … ALTER COLUMN … TYPE bigint."
)


@dataclass(frozen=True)
class Own:
    """A column's own sequence, by PostgreSQL's number of it. `step` is negative where it counts down."""

    oid: int
    name: sql.Identifier
    step: int
    least: int
    most: int

    def has(self, number: int) -> bool:
        """Whether it can give it out."""
        return self.least <= number <= self.most


@dataclass(frozen=True)
class Twins:
    """The sequences behind one column on both sides."""

    column: str
    giver: Own
    taker: Own

    def ahead(self, number: int, *, times: int = 1) -> int:
        """What is so many margins further."""
        return number + times * MARGIN * self.giver.step

    def before(self, number: int, other: int) -> bool:
        """Whether a number comes before another, in the direction in which they are given out."""
        return number < other if self.giver.step > 0 else number > other


def twins(giver: Connection, taker: Connection, tables: Sequence[str]) -> list[Twins]:
    """Those that both have."""
    theirs = {(row["table"], row["column"]): row for row in rows(taker, statements.SEQUENCES, [list(tables)])}
    return [
        Twins(f"{row['table']}.{row['column']}", _own(row), _own(other))
        for row in rows(giver, statements.SEQUENCES, [list(tables)])
        if (other := theirs.get((row["table"], row["column"]))) is not None
    ]


def move_past(giver: Connection, taker: Connection, pairs: Sequence[Twins]) -> None:
    """Set the taker's so far that no id is given out twice; never back. Raises NotReady where one ends."""
    theirs = following(giver, [pair.giver for pair in pairs])
    mine = following(taker, [pair.taker for pair in pairs])
    wanted: dict[int, int] = {}
    for pair in pairs:
        number = pair.ahead(theirs[pair.giver.oid])
        if not pair.before(mine[pair.taker.oid], number):
            continue
        if not pair.taker.has(number):
            raise NotReady(
                f"The sequence of {pair.column} has no {number} to go on from. Nothing has changed. "
                f"{MORE_ROOM} Then run the command again."
            )
        wanted[pair.taker.oid] = number
    rows(taker, statements.MOVE_PAST, [[*wanted], [*wanted.values()]])


def behind(owner: Connection, follower: Connection, tables: Sequence[str]) -> list[str]:
    """Columns for which the owner would give out an id that the other side has given out."""
    pairs = twins(owner, follower, tables)
    mine = following(owner, [pair.giver for pair in pairs])
    theirs = following(follower, [pair.taker for pair in pairs])
    return [pair.column for pair in pairs if pair.before(mine[pair.giver.oid], theirs[pair.taker.oid])]


def following(connection: Connection, sequences: Sequence[Own]) -> dict[int, int]:
    """What each gives out next, even if that is past its end. One question for all of them."""
    if not sequences:
        return {}
    positions = [
        composed(statements.SEQUENCE_POSITION, number=sql.Literal(one.oid), sequence=one.name)
        for one in sequences
    ]
    steps = {one.oid: one.step for one in sequences}
    return {
        row["oid"]: row["last"] + (steps[row["oid"]] if row["called"] else 0)
        for row in connection.execute(sql.SQL(" UNION ALL ").join(positions))
    }


def _own(row: Row) -> Own:
    name = sql.Identifier(row["schema"], row["sequence"])
    return Own(row["oid"], name, row["step"], row["least"], row["most"])
