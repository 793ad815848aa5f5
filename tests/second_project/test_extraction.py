"""One app of a project that the toolkit has never seen moves out of it, while clients write, and they notice
nothing: hosts, broker, Consul and PostgreSQL are real, and there is no gateway."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.rabbitmq import RabbitMQ
from tests.second_project.hosts import Clients, Host
from tests.toolkit.step.world import World

BOOKS = "SELECT isbn, id FROM books_book"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    try:
        world.start()
        yield world
    finally:
        world.stop()


@pytest.fixture
def hosts(world: World, rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[dict[str, Host]]:
    world.reset()
    world.seed(250)
    found = {name: Host(world, rabbitmq.url, name, tmp_path) for name in ("library", "books")}
    try:
        for host in found.values():
            host.start()
        yield found
    finally:
        for host in found.values():
            host.kill()


def test_app_moves_out_while_clients_write(world: World, hosts: dict[str, Host], rabbitmq: RabbitMQ) -> None:
    with Clients(hosts["library"].url) as clients:
        world.strangler(
            "migrate", "--to", "1", "--shadow-seconds", "20", "--comparisons", "20", BROKER_URL=rabbitmq.url
        )
        world.strangler("verify")
        world.strangler("rollback")
        world.strangler(
            "migrate", "--to", "1", "--shadow-seconds", "20", "--comparisons", "20", BROKER_URL=rabbitmq.url
        )
        (step,) = world.status()["steps"]
    assert clients.failures == []
    figures: dict[str, Any] = step["figures"]
    assert figures["shadow"]["swept"] >= 250
    assert figures["shadow"]["compared"] >= 20
    assert figures["shadow"]["mismatched"] == 0
    world.strangler("verify")
    for host in ("library", "books"):
        rows = {row["isbn"]: row["id"] for row in world.rows(host, BOOKS)}
        assert {isbn: rows.get(isbn) for isbn in clients.added} == clients.added

    contract = ("contract", "--yes", "--restarted")
    refused = world.strangler(*contract, status=1, BROKER_URL=rabbitmq.url).said
    library = hosts["library"].url.removeprefix("http://").replace(":", "-")
    assert f"library still runs with books: library-{library}, as Consul says, an rpc process" in refused
    hosts["library"].web.kill()
    hosts["library"].web.start(STAGE="1")
    refused = world.strangler(*contract, status=1, BROKER_URL=rabbitmq.url).said
    assert "library still runs with books: an rpc process that takes calls of it, as the broker" in refused
    hosts["library"].rpc.kill()
    hosts["library"].rpc.start(STAGE="1")
    world.strangler(*contract, BROKER_URL=rabbitmq.url)
    assert world.leftovers() == []
    lent = requests.post(f"{hosts['library'].url}/loans", json={"book": 17, "reader": "x"}, timeout=30)
    assert (lent.status_code, lent.json()["title"]) == (201, "book 17")


def test_answer_that_differs_keeps_the_app_where_it_is(
    world: World, hosts: dict[str, Host], rabbitmq: RabbitMQ
) -> None:
    """A planted difference in one row: the sweep finds it, and the step goes back by itself."""
    world.strangler("migrate", "--to", "1", "--until", "expand")
    with world.connect("books") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE books_book SET title = 'bok 113' WHERE id = 113")
    done = world.strangler("migrate", "--to", "1", BROKER_URL=rabbitmq.url, status=3)
    assert "Book 113" in done.said
    (step,) = world.status()["steps"]
    assert (step["phase"], step["done"], step["owner"]) == ("expand", True, "library")
