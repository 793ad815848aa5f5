"""A database and a login role for each host, and no way into another's."""

import os
from typing import Annotated

import psycopg
import typer
from psycopg import sql

ROLE_EXISTS = "SELECT 1 FROM pg_roles WHERE rolname = %s"
DATABASE_EXISTS = "SELECT 1 FROM pg_database WHERE datname = %s"
OPEN_TO_ALL = """
SELECT datname FROM pg_database
WHERE datallowconn AND NOT datistemplate AND has_database_privilege('public', oid, 'CONNECT') ORDER BY datname
"""
PROVISIONING = 0x70726F76
"""PostgreSQL advisory lock: those that change the same server at once refuse each other ("tuple concurrently
updated")."""
ROLE_OPTIONS = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"


def provision(
    hosts: Annotated[list[str], typer.Argument(help="Hosts, each to get a role and a database of its name.")],
    postgres_url: Annotated[str, typer.Option(envvar="POSTGRES_URL", help="A superuser's URL.")],
) -> None:
    """Create each host's role and database; those that exist are brought to the same state.

    Passwords come from <HOST>_DB_PASSWORD, `-` as `_`. Only the owner may connect to a host's database. What
    else these roles may connect to, because everybody may, is named.
    """
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [PROVISIONING])
        for host in hosts:
            variable = f"{host.upper().replace('-', '_')}_DB_PASSWORD"
            password = os.environ.get(variable)
            if not password:
                raise typer.BadParameter(f"set {variable}: the password of the role {host!r}.")
            _role(connection, host, password)
            _database(connection, host)
        if others := [name for (name,) in connection.execute(OPEN_TO_ALL)]:
            typer.echo(
                f"Every role of the server may connect to {', '.join(others)}: so may these. To shut a "
                "database: GRANT CONNECT ON DATABASE … TO each role that uses it, then REVOKE CONNECT ON "
                "DATABASE … FROM PUBLIC.",
                err=True,
            )


def _role(connection: psycopg.Connection, name: str, password: str) -> None:
    verb = "ALTER" if connection.execute(ROLE_EXISTS, [name]).fetchone() else "CREATE"
    statement = sql.SQL("{} ROLE {} {} PASSWORD {}").format(
        sql.SQL(verb), sql.Identifier(name), sql.SQL(ROLE_OPTIONS), sql.Literal(password)
    )
    connection.execute(statement)


def _database(connection: psycopg.Connection, name: str) -> None:
    database = sql.Identifier(name)
    if not connection.execute(DATABASE_EXISTS, [name]).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, database))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
