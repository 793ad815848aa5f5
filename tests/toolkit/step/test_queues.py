"""What a step leaves in the broker: nothing that nobody takes from."""

from collections.abc import Iterator
from typing import Any

import kombu
import pytest
from amqp.exceptions import NotFound

from strangler.chassis.events import topology
from strangler.chassis.rpc.connection import calls, dead_letters
from tests.ports import free_port
from tests.rabbitmq import RabbitMQ
from tests.toolkit.step.world import World

TARGETS = ["books.events", "books.events.dead", "books.tasks", "rpc-books.books", "books.books.rpc.dead"]
SOURCES = [
    "library.events",
    "library.events.dead",
    "library.tasks",
    "rpc-library.lending",
    "library.lending.rpc.dead",
]
GIVEN_UP = ["rpc-library.books", "library.books.rpc.dead"]


@pytest.fixture
def channel(rabbitmq: RabbitMQ) -> Iterator[Any]:
    """The broker, with what the two hosts declare."""
    with kombu.Connection(rabbitmq.url) as connection:
        channel: Any = connection.channel()
        for host, domains in (("library", ["books", "lending"]), ("books", ["books"])):
            topology.declare_host(channel, host, ["lending.lent"])
            channel.queue_declare(topology.tasks(host), durable=True, auto_delete=False)
            for domain in domains:
                for name in (calls(f"{host}.{domain}"), dead_letters(f"{host}.{domain}")):
                    channel.queue_declare(name, durable=True, auto_delete=False)
        yield channel
        for name in [*TARGETS, *SOURCES, *GIVEN_UP]:
            channel.queue_delete(name)


def there(channel: Any, names: list[str]) -> list[str]:
    """Which of these queues there are."""
    found = []
    for name in names:
        with channel.connection.channel() as asking:
            try:
                asking.queue_declare(name, passive=True)
            except NotFound:
                continue
            found.append(name)
    return found


def test_a_step_that_is_given_up_leaves_no_queue_of_the_target(
    world: World, channel: Any, rabbitmq: RabbitMQ
) -> None:
    world.migrate("--until", "expand", BROKER_URL=rabbitmq.url)
    world.strangler("rollback", BROKER_URL=rabbitmq.url)
    assert there(channel, TARGETS) == []
    assert there(channel, [*SOURCES, *GIVEN_UP]) == [*SOURCES, *GIVEN_UP]


def test_a_step_for_good_leaves_no_queue_of_the_domain_at_the_source(
    world: World, channel: Any, rabbitmq: RabbitMQ
) -> None:
    world.migrate(BROKER_URL=rabbitmq.url)
    world.strangler("contract", "--yes", "--restarted", BROKER_URL=rabbitmq.url)
    assert there(channel, GIVEN_UP) == []
    assert there(channel, [*SOURCES, *TARGETS]) == [*SOURCES, *TARGETS]


def test_dead_letters_and_what_is_in_use_stay_and_are_named(
    world: World, channel: Any, rabbitmq: RabbitMQ
) -> None:
    world.migrate("--until", "expand", BROKER_URL=rabbitmq.url)
    kombu.Producer(channel).publish({}, routing_key="books.events.dead")
    consumer = channel.basic_consume("books.events")
    done = world.strangler("rollback", BROKER_URL=rabbitmq.url)
    channel.basic_cancel(consumer)
    assert there(channel, TARGETS) == ["books.events", "books.events.dead"]
    assert "books.events stays: a process of books still takes from it" in done.said
    assert "books.events.dead stays: dead letters (1) lie there" in done.said


def test_while_the_broker_is_away_the_way_back_waits_for_it(
    world: World, channel: Any, rabbitmq: RabbitMQ
) -> None:
    world.migrate("--until", "expand", BROKER_URL=rabbitmq.url)
    nobody = f"amqp://guest:guest@127.0.0.1:{free_port()}//"
    refused = world.strangler("rollback", status=1, BROKER_URL=nobody)
    assert "The broker does not answer" in refused.said
    world.strangler("rollback", BROKER_URL=rabbitmq.url)
    assert there(channel, TARGETS) == []
    assert world.leftovers() == []
    assert world.status()["steps"] == []


def test_without_a_broker_the_queues_are_named(world: World) -> None:
    world.migrate("--until", "expand")
    assert "delete there: rpc-books.books, books.events" in world.strangler("rollback").said
