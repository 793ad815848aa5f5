"""`strangler rpc`: what was put aside can be seen, sent again, and forgotten."""

import json
from typing import Any

import amqp
import kombu
import psycopg
import pytest
from typer.testing import CliRunner

from strangler.toolkit.cli import app
from tests.chassis.rpc.conftest import number
from tests.ports import wait_for
from tests.rabbitmq import RabbitMQ
from tests.rpc_process import Service

SERVICE = "tiny.counting"
COUNTED = "SELECT count(*) FROM counted WHERE name = %s"


def put_aside(broker: RabbitMQ, body: bytes) -> None:
    """As if the service had died of it before."""
    headers = {"x-reason": "its host died 3 times", "x-routing-key": f"{SERVICE}.count"}
    with kombu.Connection(broker.url) as connection:
        channel: Any = connection.channel()
        letter = amqp.basic_message.Message(body, application_headers=headers)
        channel.basic_publish(letter, exchange="", routing_key=f"{SERVICE}.rpc.dead")


def run(broker: RabbitMQ, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["rpc", *arguments, "--broker-url", broker.url])
    return done.exit_code, done.output


@pytest.fixture(autouse=True)
def _no_letters(service: Service, rabbitmq: RabbitMQ) -> None:
    assert run(rabbitmq, "drop", SERVICE, "--yes")[0] == 0


def reasons(broker: RabbitMQ) -> list[str]:
    return [letter["reason"] for letter in json.loads(run(broker, "dead", SERVICE, "--json")[1])]


def test_letters_are_shown_and_stay(rabbitmq: RabbitMQ) -> None:
    put_aside(rabbitmq, b"\xff")
    wait_for(lambda: reasons(rabbitmq) == ["its host died 3 times"])
    status, shown = run(rabbitmq, "dead", SERVICE)
    assert status == 0
    assert "tiny.counting.count" in shown
    assert "1 dead letter." in shown
    assert reasons(rabbitmq) == ["its host died 3 times"]


def test_letter_that_goes_well_now_has_its_effect_and_is_gone(
    rabbitmq: RabbitMQ, database: psycopg.Connection[Any]
) -> None:
    put_aside(rabbitmq, b'{"args":[],"kwargs":{"name":"again","key":"again"}}')
    wait_for(lambda: reasons(rabbitmq))
    status, shown = run(rabbitmq, "replay", SERVICE)
    assert (status, "done" in shown) == (0, True), shown
    assert number(database, COUNTED, "again") == 1
    assert reasons(rabbitmq) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"not a call", "not a call"), (b'{"args":[],"kwargs":{"name":1,"key":"k"}}', "Expected `str`")],
)
def test_letter_that_does_not_stays_once(rabbitmq: RabbitMQ, body: bytes, reason: str) -> None:
    put_aside(rabbitmq, body)
    wait_for(lambda: reasons(rabbitmq))
    status, shown = run(rabbitmq, "replay", SERVICE)
    assert status == 1
    assert reason in shown
    assert len(reasons(rabbitmq)) == 1


def test_letters_are_forgotten(rabbitmq: RabbitMQ) -> None:
    put_aside(rabbitmq, b"x")
    wait_for(lambda: reasons(rabbitmq))
    assert "1 forgotten" in run(rabbitmq, "drop", SERVICE, "--yes")[1]
    assert reasons(rabbitmq) == []


def test_unknown_service_is_said_so(rabbitmq: RabbitMQ) -> None:
    status, shown = run(rabbitmq, "dead", "no.body")
    assert status == 2
    assert "no.body has no dead letters" in shown
