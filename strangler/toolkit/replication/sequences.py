"""Sequences are not replicated: the next owner's are set past the owner's before it gives out ids."""

from collections.abc import Sequence
from dataclasses import dataclass

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import Connection, rows

MARGIN = 100
"""How many of its steps a sequence is set ahead: ids that the former owner gave out and never committed."""


@dataclass(frozen=True)
class Twins:
    """The sequences behind one column on both sides, by PostgreSQL's numbers of them."""

    column: str
    giver: int
    taker: int
    step: int


def twins(giver: Connection, taker: Connection, tables: Sequence[str]) -> list[Twins]:
    """Those that both have."""
    theirs = {(row["table"], row["column"]): row for row in rows(taker, statements.SEQUENCES, [list(tables)])}
    return [
        Twins(f"{row['table']}.{row['column']}", row["oid"], other["oid"], int(row["step"]))
        for row in rows(giver, statements.SEQUENCES, [list(tables)])
        if (other := theirs.get((row["table"], row["column"]))) is not None
    ]


def move_past(giver: Connection, taker: Connection, pairs: Sequence[Twins]) -> None:
    """Set the taker's so far that no id is given out twice; never back. One question to each side."""
    last = _last(giver, [pair.giver for pair in pairs])
    wanted = [last[pair.giver] + MARGIN * pair.step for pair in pairs]
    rows(taker, statements.MOVE_PAST, [[pair.taker for pair in pairs], wanted])


def behind(owner: Connection, follower: Connection, tables: Sequence[str]) -> list[str]:
    """Columns for which the owner would give out an id that the other side has given out."""
    pairs = twins(owner, follower, tables)
    mine = _last(owner, [pair.giver for pair in pairs])
    theirs = _last(follower, [pair.taker for pair in pairs])
    return [pair.column for pair in pairs if mine[pair.giver] < theirs[pair.taker]]


def _last(connection: Connection, sequences: Sequence[int]) -> dict[int, int]:
    found = rows(connection, statements.LAST_VALUES, [list(sequences)])
    return {int(row["oid"]): int(row["last"]) for row in found}
