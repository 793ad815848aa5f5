"""Sequences are not replicated: the next owner's are set past the owner's before it gives out ids."""

from collections.abc import Sequence

from psycopg import sql

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import Connection, composed, rows, run

MARGIN = 100
"""How many of its steps a sequence is set ahead: ids that the former owner gave out and never committed."""


def last_values(connection: Connection, tables: Sequence[str]) -> dict[tuple[str, str], tuple[str, int, int]]:
    """By table and column: the sequence, its last value and its step."""
    found = {}
    for row in rows(connection, statements.SEQUENCES, [list(tables)]):
        statement = composed(statements.LAST_VALUE, sequence=sql.Identifier("public", row["sequence"]))
        (last,) = connection.execute(statement).fetchall()
        found[row["table"], row["column"]] = (row["sequence"], int(last["last_value"]), int(row["step"]))
    return found


def move_past(owner: Connection, follower: Connection, tables: Sequence[str]) -> None:
    """Set the follower's sequences so far that no id is given out twice; never back."""
    theirs = last_values(follower, tables)
    for column, (_, last, step) in last_values(owner, tables).items():
        if column in theirs:
            sequence = theirs[column][0]
            run(
                follower,
                statements.MOVE_PAST,
                sequence=sql.Identifier("public", sequence),
                name=sql.Literal(f'public."{sequence}"'),
                least=sql.Literal(last + MARGIN * step),
            )


def behind(owner: Connection, follower: Connection, tables: Sequence[str]) -> list[str]:
    """Tables where the owner would give out an id that the other side has given out."""
    mine, theirs = last_values(owner, tables), last_values(follower, tables)
    return [
        f"{table}.{column}"
        for (table, column), (_, last, _) in theirs.items()
        if (table, column) in mine and mine[table, column][1] < last
    ]
