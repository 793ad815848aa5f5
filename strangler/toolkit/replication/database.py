"""A host's database as the toolkit reaches it: as superuser, by short statements, or as a replica."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.errors import DatabaseUnreachable, NotSuperuser, NotTrusted

Row = dict[str, Any]
Connection = psycopg.Connection[Row]
CONNECT_SECONDS = 5
APPLICATION = "strangler-step"
SEARCH_PATH = "pg_catalog,pg_temp"
"""Of every superuser's session: a host's role may put what it likes into `public`, and a function of its own
whose arguments fit better would be called, as superuser, for PostgreSQL's of the same name."""
SETTINGS = {
    "idle_in_transaction_session_timeout": 0,
    "statement_timeout": 0,
    "lock_timeout": 0,
    # What the step commits is kept, and what was committed before it in the same log too.
    "synchronous_commit": "on",
    "search_path": SEARCH_PATH,
    # What is compared as text, or copied as it is, is the same in every session.
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "extra_float_digits": 1,
    "bytea_output": "hex",
}
"""Whatever a server, a database or a role says."""


@dataclass(frozen=True)
class Database:
    """A host's database: `url` is a superuser's, of its server; it has the host's name if none is given."""

    host: str
    url: str
    named: str = ""

    @property
    def name(self) -> str:
        return self.named or self.host

    def connect(self, **parameters: Any) -> Connection:
        """A connection in autocommit; raises DatabaseUnreachable, NotSuperuser, NotTrusted."""
        try:
            connection = psycopg.connect(
                self._conninfo(**parameters), autocommit=True, row_factory=dict_row, prepare_threshold=None
            )
            # Not all servers know all of these: such an option would keep us out.
            connection.execute(statements.NO_TIMEOUTS)
        except psycopg.OperationalError as error:
            raise DatabaseUnreachable(
                f"The database of {self.host} does not answer: {str(error).strip()}. Is it prepared, and "
                "is POSTGRES_URL a superuser's?"
            ) from error
        if connection.info.parameter_status("is_superuser") == "off":
            user = connection.info.user
            connection.close()
            raise NotSuperuser(
                f"{user} is no superuser of the server of {self.host}. A step needs one, to "
                "follow tables and to write as replication does: set POSTGRES_URL, or <HOST>_POSTGRES_URL "
                "where a host has a server of its own, to a superuser's address."
            )
        try:
            schema_exists(connection)
        except NotTrusted:
            connection.close()
            raise
        return connection

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection for one piece of work."""
        with self.connect() as connection:
            yield connection

    def rows(self, statement: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """What a statement gives, on a connection of its own."""
        with self.session() as connection:
            return rows(connection, statement, parameters)

    def run(self, statement: str, **names: sql.Composable) -> None:
        """Carry out a statement whose `{…}` are these, on a connection of its own."""
        with self.session() as connection:
            run(connection, statement, **names)

    def address(self, *, user: str, password: str) -> str:
        """How a subscriber of another database reaches this one."""
        known = conninfo_to_dict(self.url)
        kept = {k: v for k, v in known.items() if k in ("host", "port", "hostaddr", "sslmode", "sslrootcert")}
        return make_conninfo(
            "", **kept, dbname=self.name, user=user, password=password, application_name=user
        )

    def _conninfo(self, **parameters: Any) -> str:
        return make_conninfo(
            self.url,
            dbname=self.name,
            application_name=APPLICATION,
            connect_timeout=CONNECT_SECONDS,
            options=" ".join(f"-c {name}={value}" for name, value in SETTINGS.items()),
            **parameters,
        )


def database_of(host: str, url: str) -> Database:
    """A host's database on this server: on one of its own if <HOST>_POSTGRES_URL says so, or of another
    name."""
    own = os.environ.get(f"{host.upper().replace('-', '_')}_POSTGRES_URL", "")
    return Database(host, own or url, database_in(own))


def database_in(url: str) -> str:
    """The database that an address names, or nothing. Raises DatabaseUnreachable for what is no address."""
    try:
        return str(conninfo_to_dict(url).get("dbname", ""))
    except psycopg.ProgrammingError as error:  # whose message may have a password in it
        raise DatabaseUnreachable(
            "The database server's address is not of the form postgresql://user:password@host:5432. See "
            "POSTGRES_URL, and <HOST>_POSTGRES_URL where a host has a server of its own."
        ) from error


def rows(
    connection: Connection, statement: str, parameters: Sequence[Any] | dict[str, Any] = ()
) -> list[Row]:
    """What a statement gives."""
    return connection.execute(_text(statement), parameters or None).fetchall()


def value(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> Any:
    """The only column of the only row; None if there is none."""
    found = connection.execute(_text(statement), parameters or None).fetchone()
    return None if found is None else next(iter(found.values()))


def run(connection: Connection, statement: str, **names: sql.Composable) -> None:
    """Carry out a statement whose `{…}` are these."""
    connection.execute(composed(statement, **names))


def composed(statement: str, **names: sql.Composable) -> sql.Composed:
    """A statement with its `{…}` filled in."""
    return _text(statement).format(**names)


def table(name: str) -> sql.Composable:
    """A table of the hosts' schema."""
    return sql.Identifier("public", name)


def tables(names: Sequence[str]) -> sql.Composable:
    """Several of them."""
    return sql.SQL(", ").join(map(table, names))


def listed(names: Sequence[str]) -> sql.Composable:
    """Names of columns, publications …"""
    return sql.SQL(", ").join(map(sql.Identifier, names))


def schema_exists(connection: Connection) -> bool:
    """Whether the schema of a step is there, which nobody but superusers makes: a step goes by what it says,
    and runs what it has. Raises NotTrusted if it, or something in it, is another's."""
    owners = rows(connection, statements.SCHEMA_OWNERS)
    if others := ", ".join(row["role"] for row in owners if not row["trusted"]):
        raise NotTrusted(
            f"The schema strangler in the database {connection.info.dbname}, or something in it, belongs to "
            f"{others}, and a step would run it as superuser. The toolkit makes it, as superuser, and nobody "
            "else does. If no step is under way and no domain has moved here: DROP SCHEMA strangler CASCADE "
            "there. If one has, and you know that none but the toolkit has changed it (a database that was "
            "restored has other owners, say), give the schema and all that is in it to a superuser: ALTER … "
            "OWNER TO. Then run the command again."
        )
    return bool(owners)


def _text(statement: str) -> sql.SQL:
    return sql.SQL(statement)  # the constants of `statements`
