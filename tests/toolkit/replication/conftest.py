"""A domain of one table, `thing`, between two databases of a server that replicates."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from strangler.toolkit.replication import backfill, links, ownership
from strangler.toolkit.replication.database import Database
from strangler.toolkit.replication.pair import Pair
from tests.postgres import LOGICAL, Postgres


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    server = Postgres(*LOGICAL, "wal_retrieve_retry_interval=100ms")
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def pair(server: str) -> Iterator[Pair]:
    """Both databases are empty."""
    pair = made(server)
    yield pair
    links.drop(pair.forward)
    with psycopg.connect(server, autocommit=True) as connection:
        for database in pair.both():
            connection.execute(f"DROP DATABASE {database.host} WITH (FORCE)")


def made(server: str) -> Pair:
    pair = Pair("things", ("thing",), Database("old", server), Database("new", server))
    with psycopg.connect(server, autocommit=True) as connection:
        for database in pair.both():
            connection.execute(f"CREATE DATABASE {database.host}")
    return pair


def client(database: Database) -> psycopg.Connection[dict[str, Any]]:
    """A session as others have it, not as the toolkit's own are."""
    url = make_conninfo(database.url, dbname=database.name)
    return psycopg.connect(url, autocommit=True, row_factory=dict_row)


def run(database: Database, statement: str) -> None:
    with client(database) as connection:
        connection.execute(statement)


def rows(database: Database, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    with client(database) as connection:
        return connection.execute(statement, parameters or None).fetchall()


def in_both(pair: Pair, statement: str) -> None:
    for database in pair.both():
        run(database, statement)


def follow(pair: Pair) -> None:
    """As a step does it: the first copy, and then what changes."""
    ownership.create_schema(pair.target, pair.tables)
    links.publish(pair.forward, published=pair.tables, claims="", domain=pair.domain)
    backfill.backfill(pair, connections=1, watch=lambda copied: None, still=lambda: None)
    links.subscribe(pair.forward)
    links.enable(pair.forward)
    links.catch_up(pair.forward, seconds=20)
