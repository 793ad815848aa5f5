"""Foreign keys that cross the domain's border: dropped while it moves, and put back if it stays.

Rows of two databases cannot refer to each other, and a row that replication brings is not checked. Each is
dropped in the transaction that remembers it, by a definition that names tables with their schema (earlier
versions of the toolkit named them without it).
"""

from collections.abc import Sequence

from psycopg import errors, sql

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import (
    Database,
    composed,
    rows,
    run,
    schema_exists,
    table,
    value,
)
from strangler.toolkit.replication.ownership import briefly


def release(database: Database, domain: str, tables: Sequence[str]) -> list[str]:
    """Drop and remember them; their names."""
    with database.session() as connection:
        found = rows(connection, statements.CROSSING, {"tables": list(tables)})
        for row in found:
            parts = (domain, row["table"], row["name"], row["definition"])
            remember = sql.SQL(statements.REMEMBER.replace("%s", "{}")).format(*map(sql.Literal, parts))
            drop = composed(
                statements.DROP_CONSTRAINT, table=table(row["table"]), name=sql.Identifier(row["name"])
            )
            briefly(connection, [remember, drop], of=f"{row['table']} of {database.host}")
    return [row["name"] for row in found]


def remembered(database: Database, domain: str) -> list[str]:
    """The names of those that were dropped."""
    with database.session() as connection:
        if not schema_exists(connection):
            return []
        return [row["name"] for row in rows(connection, statements.REMEMBERED_OF, [domain])]


def restore(database: Database, domain: str) -> list[str]:
    """Put them back: valid for new rows at once, then checked against the old ones without blocking writers.
    A partitioned table knows no such thing: there both is done at once, while its writers wait.

    What some rows no longer satisfy: it stays unvalidated, or on a partitioned table away."""
    broken = []
    with database.session() as connection:
        if not schema_exists(connection):
            return []
        for row in rows(connection, statements.REMEMBERED_OF, [domain]):
            names = {"table": table(row["table"]), "name": sql.Identifier(row["name"])}
            partitioned = value(connection, statements.IS_PARTITIONED, [row["table"]])
            try:
                if not rows(connection, statements.CONSTRAINT_EXISTS, [row["table"], row["name"]]):
                    statement = statements.ADD_VALID_CONSTRAINT if partitioned else statements.ADD_CONSTRAINT
                    add = composed(statement, definition=sql.SQL(row["definition"]), **names)
                    path = sql.SQL(statements.AS_REMEMBERED_BEFORE).format()
                    briefly(connection, [path, add], of=f"{row['table']} of {database.host}")
                if not value(connection, statements.CONSTRAINT_EXISTS, [row["table"], row["name"]]):
                    run(connection, statements.VALIDATE_CONSTRAINT, **names)
            except errors.ForeignKeyViolation as error:
                away = f"; put it back yourself: {row['definition']}" if partitioned else ""
                broken.append(f"{row['name']} ({str(error.diag.message_detail).strip()}{away})")
            connection.execute(statements.FORGET, [domain, row["table"], row["name"]])
    return broken


def give_up(database: Database, domain: str) -> None:
    """Forget them: the domain has moved for good."""
    with database.session() as connection:
        if schema_exists(connection):
            connection.execute(statements.FORGET_ALL, [domain])
