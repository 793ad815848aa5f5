"""Whether what the target's tables hold may give way to a copy.

It may where the domain's own host never owned it and a table's rows are a copy of the toolkit's, which it
marks, or seeds: then the source has rows of the same keys. Whatever else is there somebody has written.
"""

from collections.abc import Sequence

from psycopg import sql

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import Connection, composed, listed, rows, table, value
from strangler.toolkit.replication.errors import NotReady
from strangler.toolkit.replication.ownership import ownership_in
from strangler.toolkit.replication.pair import Pair


def check(pair: Pair) -> None:
    """Raise NotReady where a copy would destroy rows that are nowhere else."""
    here, there = pair.source.host, pair.target.host
    with pair.target.session() as target:
        found = ownership_in(target, pair.domain)
        if found is not None and found.here:
            raise NotReady(
                f"{there} owns {pair.domain}, by the word of its own database, since epoch {found.epoch}: "
                "its tables are not emptied for a copy. See `./run strangler status`, and whether CONSUL_URL "
                "and the databases' addresses are those of this system."
            )
        copied = _copies(target, pair.domain)
        with pair.source.session() as source:
            counted = {name: _unknown(source, target, name) for name in pair.tables if name not in copied}
    if unknown := {name: number for name, number in counted.items() if number}:
        told = ", ".join(f"{number:,} of {name}" for name, number in unknown.items())
        names = ", ".join(sql.Identifier(name).as_string() for name in pair.tables)
        raise NotReady(
            f"{there} has rows that {here} does not have: {told}. A copy would replace them. If {there} "
            f"owns {pair.domain} already, leave it so: there is nothing to move. If nobody needs these "
            f"rows, empty the tables there yourself (TRUNCATE {names}), and run this command again."
        )


def mark(connection: Connection, pair: Pair) -> None:
    """Say that what these tables of the domain hold from now on is the toolkit's copy."""
    connection.execute(statements.COPIES)
    connection.execute(statements.MARK_COPIES, [pair.domain, list(pair.tables)])


def _copies(connection: Connection, domain: str) -> set[str]:
    if not value(connection, statements.COPIES_EXIST):
        return set()
    return {row["table"] for row in rows(connection, statements.COPIES_OF, [domain])}


def _unknown(source: Connection, target: Connection, name: str) -> int:
    """How many of the target's rows have a key that the source's have not."""
    if not (key := _key(target, name)):
        return 0  # there is no such table, or `checks` refuses it
    if not target.execute(composed(statements.ANY_ROW, table=table(name))).fetchone():
        return 0  # as nearly always: then the source's rows, many as they may be, need not be read
    if not (known := _key(source, name)):
        return _number(target, composed(statements.ROWS, table=table(name)))
    with source.transaction():
        source.execute(statements.FOUND_KEYS)
        own = composed(statements.SEND_KEYS, key=listed(key), table=table(name))
        with target.cursor().copy(own) as out, source.cursor().copy(statements.TAKE_KEYS) as into:
            for block in out:
                into.write(block)
        return _number(source, composed(statements.UNKNOWN_KEYS, key=listed(known), table=table(name)))


def _number(connection: Connection, statement: sql.Composed) -> int:
    return int(next(row["number"] for row in connection.execute(statement)))


def _key(connection: Connection, name: str) -> Sequence[str]:
    found = rows(connection, statements.PRIMARY_KEYS, [[name]])
    return found[0]["columns"] if found else ()
