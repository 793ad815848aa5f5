"""What a host cannot work on lies in its dead letters with the reason, and keeps nothing else waiting."""

import json
from collections.abc import Callable
from typing import Any

import amqp
import kombu
import pytest
from typer.testing import CliRunner

from strangler.chassis.events import topology
from strangler.chassis.events.broker import connected
from strangler.toolkit.cli import app
from tests.chassis.events.hosts import Host, Program
from tests.ports import wait_for
from tests.rabbitmq import RabbitMQ

HEADERS = {
    "cloudEvents:specversion": "1.0",
    "cloudEvents:id": "7f4a2c64-3f0e-4b56-9d0a-1a2b3c4d5e6f",
    "cloudEvents:source": "elsewhere",
    "cloudEvents:type": "making.made",
    "cloudEvents:time": "2026-11-24T12:00:00Z",
    "cloudEvents:partitionkey": "ada",
}
FITS = b'{"name":"ada","number":1}'


def run(broker: RabbitMQ, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["events", *arguments, "--broker-url", broker.url])
    return done.exit_code, done.output


def letters(broker: RabbitMQ, host: str = "keeper") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(broker, "dead", host, "--json")[1])
    return found


@pytest.fixture
def worker(keeper: Host) -> Program:
    return keeper.worker(EVENT_ATTEMPTS="2")


def send(broker: RabbitMQ, body: bytes, content_type: str = "application/json", **headers: Any) -> None:
    with kombu.Connection(broker.url) as connection:
        channel: Any = connection.channel()
        known = {**HEADERS, **{f"cloudEvents:{name}": value for name, value in headers.items()}}
        kept = {name: value for name, value in known.items() if value is not None}
        message = amqp.basic_message.Message(body, content_type=content_type, application_headers=kept)
        channel.basic_publish(message, exchange=topology.EXCHANGE, routing_key="making.made")


POISONED: dict[str, dict[str, Any]] = {
    "unreadable: JSON is malformed": {"body": b"not json"},
    "unreadable: 'utf-8' codec can't decode": {"body": b'{"name":"\xff","number":1}'},
    "unreadable: Object missing required field `number`": {"body": b'{"name":"ada"}'},
    "unreadable: Expected `str`, got `int`": {"body": b'{"name":1,"number":1}'},
    "unreadable: its content type is 'text/plain'": {"body": FITS, "content_type": "text/plain"},
    "unreadable: not a CloudEvent of version 1.0": {"body": FITS, "specversion": "2.0"},
    "unreadable: Invalid UUID": {"body": FITS, "id": "17"},
    "unreadable: Object missing required field `type`": {"body": FITS, "type": None},
    "unreadable: not a Protobuf message": {"body": b"\x08\xff", "content_type": "application/protobuf"},
    "the database does not take it: unsupported Unicode": {"body": b'{"name":"a\\u0000","number":1}'},
    "the database does not take it: value too long": {"body": FITS, "partitionkey": "a" * 101},
}


def test_what_cannot_be_read_is_put_aside_with_its_reason(
    worker: Program, keeper: Host, rabbitmq: RabbitMQ
) -> None:
    for message in POISONED.values():
        send(rabbitmq, **message)
    send(rabbitmq, FITS, id="00000000-0000-4000-8000-000000000001")
    wait_for(lambda: keeper.kept() == [("ada", 1)])
    wait_for(lambda: len(letters(rabbitmq)) == len(POISONED))
    found = {letter["reason"]: letter["body"] for letter in letters(rabbitmq)}
    for reason, message in POISONED.items():
        (body,) = [body for told, body in found.items() if told.startswith(reason)] or [str(found)]
        assert body.startswith(message["body"].decode(errors="backslashreplace").rstrip("}"))


def test_poisoned_event_is_put_aside_blocks_nobody_and_can_be_replayed(
    worker: Program, maker: Host, keeper: Host, rabbitmq: RabbitMQ
) -> None:
    maker.relay()
    maker.make("eve 1 fail", "eve 2 keep", "ada 1 keep")
    wait_for(lambda: keeper.kept("ada") == [("ada", 1)])
    wait_for(lambda: keeper.kept("eve") == [("eve", 2)], seconds=30)
    (letter,) = letters(rabbitmq)
    assert "ValueError('eve 1 does not go well')" in letter["reason"]
    assert (letter["type"], letter["source"], letter["aggregate"]) == ("making.made", "maker", "eve")
    status, shown = run(rabbitmq, "dead", "keeper")
    assert (status, "1 dead letter." in shown, "ValueError" in shown) == (0, True, True)

    keeper.gate.touch()
    for command in (["replay", "keeper"], ["forget", "keeper", "--yes"]):
        status, told = run(rabbitmq, *command, "--id", "another")
        assert (status, "keeper has no dead letter another." in told) == (2, True)
    assert "1 sent again" in run(rabbitmq, "replay", "keeper")[1]
    wait_for(lambda: keeper.kept("eve") == [("eve", 2), ("eve", 1)])
    assert letters(rabbitmq) == []
    assert keeper.number("SELECT count(*) FROM events_inbox") == 3


def test_replayed_event_that_fails_again_comes_back_until_it_is_forgotten(
    worker: Program, maker: Host, keeper: Host, rabbitmq: RabbitMQ
) -> None:
    maker.relay()
    maker.make("eve 1 fail")
    wait_for(lambda: letters(rabbitmq), seconds=30)
    assert "1 sent again" in run(rabbitmq, "replay", "keeper")[1]
    assert letters(rabbitmq) == []
    wait_for(lambda: letters(rabbitmq), seconds=30)
    assert len(letters(rabbitmq)) == 1
    assert run(rabbitmq, "forget", "keeper", "--yes")[0] == 0
    assert letters(rabbitmq) == []


def test_event_that_kills_its_worker_is_put_aside(maker: Host, keeper: Host, rabbitmq: RabbitMQ) -> None:
    workers = [keeper.worker(EVENT_ATTEMPTS="2")]
    maker.relay()
    maker.make("eve 1 die", "ada 1 keep")

    def put_aside() -> bool:
        if not workers[-1].running:
            workers.append(workers[-1].start())
        return bool(letters(rabbitmq))

    wait_for(put_aside, seconds=90)
    assert letters(rabbitmq)[0]["reason"].startswith("its worker died 2 times")
    wait_for(lambda: keeper.kept() == [("ada", 1)])


def test_failing_event_of_its_own_host_is_put_aside_and_replayed(
    new_host: Callable[..., Host], rabbitmq: RabbitMQ
) -> None:
    """Where maker and listener are one host, nothing but the dead letter goes by the broker."""
    both = new_host("both", "making keeping")
    both.worker(EVENT_ATTEMPTS="2")
    both.make("eve 1 fail", "ada 1 keep")
    assert both.kept() == [("ada", 1)]
    wait_for(lambda: letters(rabbitmq, "both"), seconds=30)
    both.gate.touch()
    assert "1 sent again" in run(rabbitmq, "replay", "both")[1]
    wait_for(lambda: both.kept() == [("ada", 1), ("eve", 1)])
    assert both.number("SELECT count(*) FROM events_received") == 0


def test_message_that_kills_every_consumer_is_put_aside_by_the_broker(rabbitmq: RabbitMQ) -> None:
    """Should an event ever end the very thread that takes them."""
    with kombu.Connection(rabbitmq.url) as connection:
        topology.declare_host(connection.channel(), "fragile", ["making.made"])
    send(rabbitmq, FITS)
    taken: list[Any] = []

    def take_and_die() -> bool:
        channel = connected(rabbitmq.url, lambda channel: None)
        channel.amqp.basic_consume(topology.queue("fragile"), callback=taken.append)
        before = len(taken)
        wait_for(lambda: (channel.read(0.1) and len(taken) > before) or letters(rabbitmq, "fragile"))
        channel.socket.close()
        return bool(letters(rabbitmq, "fragile"))

    wait_for(take_and_die, seconds=60)
    assert len(taken) == topology.MOST_DELIVERIES + 1
    (letter,) = letters(rabbitmq, "fragile")
    assert letter["reason"] == "the broker gave up on it: delivery_limit"
    assert letter["body"] == FITS.decode()


def put_aside(broker: RabbitMQ, host: str) -> None:
    """A dead letter of the host, whose queue there need not be."""
    with kombu.Connection(broker.url, transport_options={"confirm_publish": True}) as connection:
        channel: Any = connection.channel()
        topology.declare_dead(channel, host)
        message = amqp.basic_message.Message(
            FITS, content_type="application/json", application_headers=HEADERS
        )
        channel.basic_publish(message, routing_key=topology.dead(host))


def test_replayed_event_whose_domain_has_moved_away_comes_back_and_goes_to_its_new_host(
    new_host: Callable[..., Host], keeper: Host, rabbitmq: RabbitMQ
) -> None:
    put_aside(rabbitmq, "keeper")
    keeper.worker(DOMAINS="making")
    assert "1 sent again" in run(rabbitmq, "replay", "keeper")[1]
    wait_for(lambda: letters(rabbitmq))
    (letter,) = letters(rabbitmq)
    assert letter["reason"] == "nobody at keeper handles making.made"

    heir = new_host("heir", "keeping")
    heir.worker()
    status, shown = run(rabbitmq, "replay", "keeper", "--to", "heir")
    assert (status, "`./run strangler events dead heir`" in shown) == (0, True)
    wait_for(lambda: heir.kept() == [("ada", 1)])
    assert letters(rabbitmq) == []


def test_dead_letters_of_a_host_that_is_gone_are_shown_and_forgotten(rabbitmq: RabbitMQ) -> None:
    put_aside(rabbitmq, "gone")
    status, shown = run(rabbitmq, "replay", "gone")
    assert (status, "the broker has no queue gone.events" in shown) == (2, True)
    (letter,) = letters(rabbitmq, "gone")
    assert letter["body"] == FITS.decode()
    assert "1 forgotten" in run(rabbitmq, "forget", "gone", "--yes")[1]
    assert letters(rabbitmq, "gone") == []


def test_unknown_host_is_said_so(rabbitmq: RabbitMQ) -> None:
    status, shown = run(rabbitmq, "dead", "nobody")
    assert status == 2
    assert "nobody has no dead letters" in shown
