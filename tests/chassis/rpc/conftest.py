"""A broker, a database, and the tiny service as a process of its own."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from strangler.chassis.rpc.client import Client
from tests.chassis.rpc.counting.contract import Counting
from tests.rabbitmq import RabbitMQ
from tests.rpc_process import Service

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = "tests.chassis.rpc.counting.settings"
TABLES = """
CREATE TABLE counted (key text PRIMARY KEY, name text NOT NULL);
CREATE TABLE attempts (key text NOT NULL);
"""


def number(database: psycopg.Connection[Any], sql: LiteralString, *values: object) -> int:
    """What a query answers that answers one number."""
    row = database.execute(sql, values).fetchone()
    assert row is not None
    return int(row[0])


def together(call: Callable[[], Any], *, callers: int, times: int = 1) -> list[Any]:
    """What so many threads got, each calling so often."""
    outcomes: list[Any] = []

    def ask() -> None:
        for _ in range(times):
            try:
                outcomes.append(call())
            except Exception as error:  # noqa: BLE001 - the test looks at it
                outcomes.append(error)

    threads = [threading.Thread(target=ask) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return outcomes


@pytest.fixture(scope="session")
def database(postgres: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The tiny service's database, seen by the test."""
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("CREATE DATABASE counting")
    with psycopg.connect(f"{postgres.rpartition('/')[0]}/counting", autocommit=True) as connection:
        connection.execute(TABLES)
        yield connection


@pytest.fixture(scope="session")
def new_service(
    rabbitmq: RabbitMQ,
    postgres: str,
    database: object,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Service]:
    """A tiny service that is not started yet."""

    def make(**environment: str) -> Service:
        return Service(
            SETTINGS,
            {
                **os.environ,
                "DATABASE_URL": f"{postgres.rpartition('/')[0]}/counting",
                "BROKER_URL": rabbitmq.url,
                "SERVICE": "tiny",
                "PROCESS": "rpc",
                "CONSUL_URL": "",
                "OTLP_ENDPOINT": "",
                **environment,
            },
            tmp_path_factory.mktemp("service") / "log",
        )

    return make


@pytest.fixture(scope="session")
def shared_service(new_service: Callable[..., Service]) -> Iterator[Service]:
    service = new_service()
    service.start()
    yield service
    service.kill()


@pytest.fixture
def service(shared_service: Service) -> Service:
    """The tiny service, running, whatever the test before did to it."""
    if shared_service.process is None or shared_service.process.poll() is not None:
        shared_service.start()
    return shared_service


@pytest.fixture
def client(rabbitmq: RabbitMQ) -> Iterator[Client]:
    """A caller with no history."""
    client = Client(rabbitmq.url, locate=lambda domain: "tiny", caller="test")
    yield client
    client.close()


class Remote:
    """The contract's port, whose calls go through this client: `remote.echo(text="…")`."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            return self.client.call(Counting.domain, Counting.methods[method], arguments)

        return call


@pytest.fixture
def remote(service: Service, client: Client) -> Remote:
    """The tiny service's port, from afar."""
    return Remote(client)
