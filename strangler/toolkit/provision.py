"""A database and a login role for each host, and no way into another's."""

import os
from typing import Annotated

import psycopg
import typer
from psycopg import sql
from psycopg.conninfo import make_conninfo

from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.options import PlanOption
from strangler.toolkit.plan import Plan
from strangler.toolkit.plan.file import DEFAULT, load
from strangler.toolkit.replication.database import SEARCH_PATH, database_of
from strangler.toolkit.replication.statements import LOCALE, ROLE_EXISTS

DATABASE_EXISTS = "SELECT 1 FROM pg_database WHERE datname = %s"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
OPEN_TO_ALL = """
SELECT datname FROM pg_database
WHERE datallowconn AND NOT datistemplate AND has_database_privilege('public', oid, 'CONNECT') ORDER BY datname
"""
PROVISIONING = 0x70726F76
"""PostgreSQL advisory lock: those that change the same server at once refuse each other ("tuple concurrently
updated")."""
ROLE_OPTIONS = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"


class DataElsewhere(ToolkitError):
    """The server has a domain's data in another host's database than the stage that is to start."""


def provision(
    hosts: Annotated[list[str], typer.Argument(help="Hosts, each to get a role and a database of its name.")],
    postgres_url: Annotated[str, typer.Option(envvar="POSTGRES_URL", help="A superuser's URL.")],
    stage: Annotated[
        int | None, typer.Option(help="The stage that is to start: nothing is done if the data is another's.")
    ] = None,
    plan: PlanOption = DEFAULT,
) -> None:
    """Create each host's role and database; those that exist are brought to the same state. A new database
    keeps and sorts text as the plan's origin's does, if that is on the server: <ORIGIN>_POSTGRES_URL says
    which it is, where it has another name.

    Passwords come from <HOST>_DB_PASSWORD, `-` as `_`. Only the owner may connect to a host's database. What
    else these roles may connect to, because everybody may, is named. With --stage, nothing is done where the
    server, which all hosts share, has the tables of a domain of the plan in another database than that stage.
    """
    with _connect(postgres_url) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [PROVISIONING])
        loaded = load(plan)
        if stage is not None:
            _refuse_moves(connection, postgres_url, loaded, stage)
        for host in hosts:
            variable = f"{host.upper().replace('-', '_')}_DB_PASSWORD"
            password = os.environ.get(variable)
            if not password:
                raise typer.BadParameter(f"set {variable}: the password of the role {host!r}.")
            _role(connection, host, password)
            _database(connection, host, like=database_of(loaded.origin, postgres_url).name)
        if others := [name for (name,) in connection.execute(OPEN_TO_ALL)]:
            typer.echo(
                f"Every role of the server may connect to {', '.join(others)}: so may these. To shut a "
                "database: GRANT CONNECT ON DATABASE … TO each role that uses it, then REVOKE CONNECT ON "
                "DATABASE … FROM PUBLIC.",
                err=True,
            )


def _connect(url: str, **parameters: str) -> psycopg.Connection:
    own = make_conninfo(url, options=f"-c search_path={SEARCH_PATH}", **parameters)
    return psycopg.connect(own, autocommit=True)


def _refuse_moves(connection: psycopg.Connection, url: str, plan: Plan, stage: int) -> None:
    """Raise DataElsewhere if a domain has tables here, and none in its host's database at this stage."""
    plan.check_stage(stage)
    tables: dict[str, set[str]] = {}
    for host in {plan.origin, *plan.domains}:
        if connection.execute(DATABASE_EXISTS, [host]).fetchone():
            with _connect(url, dbname=host) as database:
                tables[host] = {name for (name,) in database.execute(TABLES)}
    places = {
        name: sorted(host for host, found in tables.items() if found.intersection(domain.tables))
        for name, domain in plan.domains.items()
    }

    def elsewhere(number: int) -> list[str]:
        return [d for d, hosts in places.items() if hosts and plan.host_of(d, stage=number) not in hosts]

    if not (moved := elsewhere(stage)):
        return
    found = "; ".join(
        f"{d} is in the database {' and '.join(places[d])}, not in {plan.host_of(d, stage=stage)}"
        for d in moved
    )
    fitting = [str(s.number) for s in plan.built or plan.stages if not elsewhere(s.number)]
    as_is = f"Start stage {' or '.join(fitting)} on it, or begin" if fitting else "Begin"
    raise DataElsewhere(
        f"stage {stage} does not start on this data, and a start does not move it: {found}. {as_is} anew, "
        "without it: `docker compose --profile '*' down --volumes`, or `./run down --purge` natively, where "
        "`./run strangler migrate` takes data from stage to stage."
    )


def _role(connection: psycopg.Connection, name: str, password: str) -> None:
    verb = "ALTER" if connection.execute(ROLE_EXISTS, [name]).fetchone() else "CREATE"
    statement = sql.SQL("{} ROLE {} {} PASSWORD {}").format(
        sql.SQL(verb), sql.Identifier(name), sql.SQL(ROLE_OPTIONS), sql.Literal(password)
    )
    connection.execute(statement)


def _database(connection: psycopg.Connection, name: str, *, like: str) -> None:
    database = sql.Identifier(name)
    if not connection.execute(DATABASE_EXISTS, [name]).fetchone():
        create = sql.SQL("CREATE DATABASE {} OWNER {}").format(database, database)
        usual, wanted = (connection.execute(LOCALE, [one]).fetchone() for one in ("template1", like))
        if wanted and wanted != usual:
            create += sql.SQL(f" TEMPLATE template0 {wanted[0]}")
        connection.execute(create)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    # Nor into what is everybody's: who stays connected to template1 keeps others from making databases.
    connection.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
