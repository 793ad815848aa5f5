"""Roles and databases, on a real server."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import typer
from psycopg.conninfo import make_conninfo

from strangler.toolkit.plan.model import NotBuilt
from strangler.toolkit.provision import DATABASE_EXISTS, DataElsewhere, provision
from strangler.toolkit.replication.statements import LOCALE

HOSTS = [f"host{number}" for number in range(6)]
PLAN = """\
name: library
origin: library
hosts: { library: { settings: library.settings }, books: { settings: books.settings } }
domains:
  lending: { app: lending, contract: contracts.lending, tables: [lending_loan] }
  books: { app: books, contract: contracts.books, tables: [books_author, books_book] }
stages:
  - { number: 0, name: start, summary: All in one., built: true }
  - { number: 1, name: edge, summary: A gateway., built: true }
  - { number: 2, name: books, summary: Books move., built: true, moves: [books] }
  - { number: 3, name: lending, summary: Lending moves., moves: [lending] }
"""
ROUNDS = 3
IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
PASSWORD = "a-password-of-its-own"
PLANTED = """
CREATE TABLE called (by name);
CREATE FUNCTION public.pg_advisory_lock(int) RETURNS void BEGIN ATOMIC
    INSERT INTO called VALUES (current_user); END;
CREATE FUNCTION public.has_database_privilege(text, oid, text) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN ALTER ROLE {host} SUPERUSER; RETURN false; END $$;
"""


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in (*HOSTS, "library", "books"):
        monkeypatch.setenv(f"{host.upper()}_DB_PASSWORD", PASSWORD)


def test_hosts_are_provisioned_at_once_and_again(postgres: str) -> None:
    """As a stage's containers do."""
    with ThreadPoolExecutor(len(HOSTS)) as pool:
        for _ in range(ROUNDS):
            assert list(pool.map(lambda host: provision([host], postgres), HOSTS)) == [None] * len(HOSTS)


def test_a_host_reaches_its_own_database_and_no_other(postgres: str) -> None:
    provision(HOSTS[:2], postgres)
    as_host = make_conninfo(postgres, user=HOSTS[0], password=PASSWORD)
    with psycopg.connect(as_host, dbname=HOSTS[0]) as connection:
        assert connection.execute(IS_SUPERUSER).fetchone() == (False,)
    for other in (HOSTS[1], "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(as_host, dbname=other)


def test_a_hosts_variable_can_be_exported(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell knows no variable with a dash in its name."""
    monkeypatch.setenv("MY_BOOKS_DB_PASSWORD", PASSWORD)
    provision(["my-books", "my_books"], postgres)
    for host in ("my-books", "my_books"):
        psycopg.connect(make_conninfo(postgres, user=host, password=PASSWORD, dbname=host)).close()


def test_a_stage_does_not_start_on_data_that_it_has_elsewhere(postgres: str, tmp_path: Path) -> None:
    """Neither a later one nor an earlier one; what a step has in both places is in the right one too."""
    old, new = "library", "books"
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)

    def start(stage: int) -> None:
        provision([old, new] if stage else [old], postgres, stage, plan)

    def refused(stage: int, *why: str) -> None:
        with pytest.raises(DataElsewhere) as raised:
            start(stage)
        assert all(one in str(raised.value) for one in (*why, "down --volumes", "strangler migrate"))

    def execute(host: str, statement: str) -> None:
        with psycopg.connect(make_conninfo(postgres, dbname=host)) as connection:
            connection.execute(statement)

    start(0)
    start(0)
    execute(old, "CREATE TABLE books_book (id int); CREATE TABLE lending_loan (id int)")
    start(0)
    refused(2, "stage 2 does not start", "books is in the database library, not in books", "stage 0 or 1")
    with psycopg.connect(postgres) as connection:
        assert not connection.execute(DATABASE_EXISTS, [new]).fetchone(), "nothing was done"
    start(1)

    provision([new], postgres)  # a step does not ask
    execute(new, "CREATE TABLE books_book (id int)")
    for stage in (1, 2):
        start(stage)
    execute(old, "DROP TABLE books_book")
    start(2)
    refused(0, "books is in the database books, not in library. Start stage 2 on it")

    with pytest.raises(NotBuilt, match="planned"):
        start(3)


def test_a_host_sorts_as_the_origin_does(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the origin's database, or with a usual one, as what the server makes by itself."""
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace("library", "atlas"))
    monkeypatch.setenv("MAPS_DB_PASSWORD", PASSWORD)
    locales = []
    with psycopg.connect(postgres, autocommit=True) as connection:
        for how in ("", "TEMPLATE template1", "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"):
            if how:
                connection.execute(f"CREATE DATABASE atlas {how}")
            provision(["maps"], postgres, plan=plan)
            locales += [connection.execute(LOCALE, [name]).fetchone() for name in ("maps", "template1")]
            connection.execute("DROP DATABASE maps")
            connection.execute("DROP DATABASE IF EXISTS atlas")
    assert locales[0] == locales[1] == locales[2] == locales[3]
    assert "ICU_LOCALE 'en-US'" in str(locales[4])


def test_the_origins_database_may_be_named_otherwise(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace("library", "the-atlas").replace("the-atlas.", "atlas."))
    monkeypatch.setenv("MAPS_DB_PASSWORD", PASSWORD)
    monkeypatch.setenv("THE_ATLAS_POSTGRES_URL", make_conninfo(postgres, dbname="atlas_prod"))
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE atlas_prod TEMPLATE template0 LC_COLLATE 'C'")
        provision(["maps"], postgres, plan=plan)
        locales = [connection.execute(LOCALE, [name]).fetchone() for name in ("maps", "atlas_prod")]
        for name in ("maps", "atlas_prod"):
            connection.execute(f"DROP DATABASE {name}")
    assert locales[0] == locales[1]


def test_a_hosts_functions_are_not_called(postgres: str) -> None:
    """In its database, whichever one the address names, a host may make functions that PostgreSQL has too."""
    provision(HOSTS[:1], postgres)
    own = make_conninfo(postgres, dbname=HOSTS[0])
    with psycopg.connect(own, user=HOSTS[0], password=PASSWORD) as connection:
        connection.execute(PLANTED.format(host=HOSTS[0]))
    provision(HOSTS[:1], own)
    with psycopg.connect(own, user=HOSTS[0], password=PASSWORD) as connection:
        assert connection.execute(IS_SUPERUSER).fetchone() == (False,)
        assert connection.execute("SELECT count(*) FROM called").fetchone() == (0,)


def test_what_stays_open_to_every_role_is_named(postgres: str, capsys: pytest.CaptureFixture[str]) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE legacy")
        provision(HOSTS[:1], postgres)
        assert "legacy" in capsys.readouterr().err
        connection.execute("REVOKE CONNECT ON DATABASE legacy FROM PUBLIC")
        provision(HOSTS[:1], postgres)
        assert "legacy" not in capsys.readouterr().err
        connection.execute("DROP DATABASE legacy")


def test_missing_password_is_named(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOST5_DB_PASSWORD")
    with pytest.raises(typer.BadParameter, match="HOST5_DB_PASSWORD"):
        provision(["host5"], postgres)
