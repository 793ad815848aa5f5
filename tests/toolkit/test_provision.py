"""Roles and databases, on a real server."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import typer
from psycopg.conninfo import make_conninfo

from strangler.toolkit.provision import provision

HOSTS = [f"host{number}" for number in range(6)]
ROUNDS = 3
IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
PASSWORD = "a-password-of-its-own"


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in HOSTS:
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
    for other in (HOSTS[1], "postgres"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(as_host, dbname=other)


def test_a_hosts_variable_can_be_exported(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell knows no variable with a dash in its name."""
    monkeypatch.setenv("MY_BOOKS_DB_PASSWORD", PASSWORD)
    provision(["my-books", "my_books"], postgres)
    for host in ("my-books", "my_books"):
        psycopg.connect(make_conninfo(postgres, user=host, password=PASSWORD, dbname=host)).close()


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
