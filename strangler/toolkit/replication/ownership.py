"""Who owns a domain, as both databases know it, and the fence on its tables."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import errors, sql

from strangler.chassis.ownership.schema import FENCE, GRANTS, SCHEMA, UNFENCE
from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import (
    Connection,
    Database,
    composed,
    rows,
    run,
    schema_exists,
    table,
)
from strangler.toolkit.replication.errors import Busy

LOCK_MS = 150
TRIES = 40
TRIES_BEFORE_LONGER = 10
REST_SECONDS = 0.25


@dataclass(frozen=True)
class Ownership:
    """What a database says of a domain."""

    host: str
    owner: str
    epoch: int

    @property
    def here(self) -> bool:
        return self.owner == self.host


def create_schema(database: Database, tables: Sequence[str]) -> None:
    """The schema `strangler`, readable by whoever writes to the tables, and by the role of the host's name:
    at no moment is it there and not readable, for processes that run look into it as soon as it is."""
    with database.session() as connection, connection.transaction():
        connection.execute(SCHEMA)
        schema_exists(connection)  # and was there before, if it is another's
        connection.execute(statements.REMEMBERED)
        for row in rows(connection, statements.READERS, [list(tables), database.host]):
            for grant in GRANTS:
                run(connection, grant, role=sql.Identifier(row["role"]))


def own(database: Database, domain: str, *, owner: str, epoch: int) -> None:
    """Say who owns the domain, unless that is said already."""
    with database.session() as connection:
        connection.execute(statements.OWN, [domain, database.host, owner, epoch])


def renew(database: Database, domain: str, *, owner: str, epoch: int) -> None:
    """Say it again with a later epoch, where an earlier step left its word."""
    with database.session() as connection:
        connection.execute(statements.FLIP, [owner, epoch, domain, epoch])


def ownership(database: Database, domain: str) -> Ownership | None:
    """Who owns the domain by this database; None: nothing is said, so it is owned here."""
    with database.session() as connection:
        return ownership_in(connection, domain)


def ownership_in(connection: Connection, domain: str) -> Ownership | None:
    """The same, on a connection that is there."""
    if not schema_exists(connection):
        return None
    found = rows(connection, statements.OWNERSHIP, [domain])
    return Ownership(**found[0]) if found else None


def fence(database: Database, domain: str, tables: Sequence[str]) -> None:
    """Put the fence on every table that has none."""
    with database.session() as connection:
        fenced = {row["relname"] for row in rows(connection, statements.TRIGGERS, [list(tables)])}
        for name in tables:
            if name not in fenced:
                fence_one = composed(FENCE, table=table(name), domain=sql.Literal(domain))
                briefly(connection, [fence_one], of=f"{name} of {database.host}")


def unfence(database: Database, tables: Sequence[str]) -> None:
    """Take the fence away: from then on a write costs what it did before the step."""
    with database.session() as connection:
        for row in rows(connection, statements.TRIGGERS, [list(tables)]):
            unfence_one = composed(UNFENCE, table=table(row["relname"]))
            briefly(connection, [unfence_one], of=f"{row['relname']} of {database.host}")


def forget(database: Database, domain: str) -> None:
    """Remove what is said of the domain, and with the last domain the schema."""
    with database.session() as connection:
        if not schema_exists(connection):
            return
        connection.execute(statements.DISOWN, [domain])
        connection.execute(statements.CLEAR_COUNTERS, [domain])
        if not rows(connection, statements.OTHERS_LEFT) and not rows(connection, statements.ANY_REMEMBERED):
            connection.execute(statements.DROP_SCHEMA)


def settle(database: Database, domain: str) -> None:
    """Keep what is said of the domain: that it is owned here. Whoever would move it here again must find it,
    whatever else was lost."""
    with database.session() as connection:
        if schema_exists(connection):
            connection.execute(statements.CLEAR_COUNTERS, [domain])


def briefly(connection: Connection, work: Sequence[sql.Composed], *, of: str) -> None:
    """Carry out statements that lock a table wholly, in one transaction: each try waits for its lock no
    longer than others may be held up, then lets them go ahead. Where transactions are long and many, later
    tries wait longer. Raises Busy."""
    for tried in range(TRIES):
        patience = LOCK_MS * 2 ** (tried // TRIES_BEFORE_LONGER)
        try:
            with connection.transaction():
                connection.execute(statements.LOCK_TIMEOUT, [f"{patience}ms"])
                for statement in work:
                    connection.execute(statement)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            time.sleep(REST_SECONDS)
        else:
            connection.execute(statements.LOCK_TIMEOUT, ["0"])
            return
    found = rows(connection, statements.OLDEST_TRANSACTION)
    who = f" The oldest transaction is process {found[0]['pid']}: {found[0]['query']}" if found else ""
    raise Busy(
        f"The table {of} was never free for {patience} ms in {TRIES} tries.{who} Run the command again."
    )
