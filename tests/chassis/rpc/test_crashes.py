"""What happens to calls when the service, the broker or the message itself is the trouble."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import amqp
import kombu
import psycopg
import pytest

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.policies.call import SECONDS
from tests.chassis.rpc.conftest import Remote, number
from tests.ports import wait_for
from tests.rabbitmq import RabbitMQ
from tests.rpc_process import Service

Database = psycopg.Connection[Any]
DEAD = "tiny.counting.rpc.dead"
MOST_SECONDS = 20.0
"""Beyond a query's three seconds it is only this machine's to spend."""


def attempts(database: Database, key: str) -> int:
    return number(database, "SELECT count(*) FROM attempts WHERE key = %s", key)


def in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """A thread that makes the call, and where its outcome will be."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(call())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def dead_letter(broker: RabbitMQ) -> kombu.Message | None:
    with kombu.Connection(broker.url) as connection:
        return kombu.Queue(DEAD, channel=connection.channel()).get(no_ack=True)


def test_killed_service_is_made_up_for_by_the_next_and_counts_once(
    remote: Remote, service: Service, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SECONDS, "command", 60.0)
    gate = tmp_path / "gate"
    thread, outcome = in_background(lambda: remote.count_slowly(name="killed", gate=str(gate), key="killed"))
    wait_for(lambda: attempts(database, "killed") == 1)
    service.kill()
    gate.touch()
    service.start()
    thread.join(timeout=70)
    assert outcome == [1]
    assert number(database, "SELECT count(*) FROM counted WHERE key = 'killed'") == 1


def test_stopping_service_answers_what_is_under_way_and_exits_cleanly(
    remote: Remote, service: Service, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SECONDS, "command", 60.0)
    gate = tmp_path / "gate"
    thread, outcome = in_background(lambda: remote.count_slowly(name="stop", gate=str(gate), key="stop"))
    wait_for(lambda: attempts(database, "stop") == 1)
    service.terminate()
    wait_for(lambda: not service.serves() if service.process and service.process.poll() is None else True)
    gate.touch()
    thread.join(timeout=70)
    assert outcome == [1]
    assert service.process is not None
    assert service.process.wait(timeout=10) == 0
    service.start()
    # Answered and acknowledged: nobody does it again.
    assert remote.times(name="stop") == 1
    assert attempts(database, "stop") == 2


def test_broker_killed_in_mid_call_hangs_nobody_and_is_found_again(
    rabbitmq: RabbitMQ, remote: Remote, database: Database, tmp_path: Path
) -> None:
    """Every caller gets an answer or a clear error by its deadline, and answers again afterwards."""
    gate = tmp_path / "gate"
    longest, unclear, over = [0.0], [], threading.Event()

    def ask() -> None:
        while not over.is_set():
            started = time.monotonic()
            try:
                remote.echo(text="x")
            except DomainUnavailable:
                over.wait(0.05)
            except Exception as error:  # noqa: BLE001 - the test looks at it
                unclear.append(error)
            longest[0] = max(longest[0], time.monotonic() - started)

    callers = [threading.Thread(target=ask) for _ in range(8)]
    slow, outcome = in_background(lambda: remote.count_slowly(name="cut", gate=str(gate), key="cut"))
    try:
        wait_for(lambda: attempts(database, "cut") == 1)
        for caller in callers:
            caller.start()
        rabbitmq.kill()
        gate.touch()
        with deadline.within(0.5), pytest.raises(DomainUnavailable):
            remote.echo(text="nobody")
        rabbitmq.start()
        wait_for(lambda: answered(remote), seconds=60)
    finally:
        over.set()
        for thread in (slow, *callers):
            thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in (slow, *callers))
    assert not unclear
    assert longest[0] < MOST_SECONDS
    assert outcome == [1] or isinstance(outcome[0], DomainUnavailable)
    assert remote.count(name="cut", key="cut") == 1


def answered(remote: Remote) -> bool:
    try:
        return bool(remote.echo(text="again") == "again")
    except DomainUnavailable:
        return False


def next_dead_letter(broker: RabbitMQ) -> kombu.Message:
    """Waits for it."""
    letters: list[kombu.Message] = []

    def put_aside() -> bool:
        letters.extend(filter(None, [dead_letter(broker)]))
        return bool(letters)

    wait_for(put_aside)
    return letters[0]


def publish(broker: RabbitMQ, body: bytes, method: str = "count", **properties: Any) -> None:
    with kombu.Connection(broker.url) as connection:
        channel: Any = connection.channel()
        channel.basic_publish(
            amqp.basic_message.Message(body, **properties),
            exchange="nameko-rpc",
            routing_key=f"tiny.counting.{method}",
        )


@pytest.mark.parametrize(
    ("body", "properties", "reason"),
    [
        (b"\xff not json", {"content_type": "application/json"}, "not a call"),
        (b"[1, 2]", {"content_type": "application/json"}, "not a call"),
        (b"\x80\x04.", {"content_type": "application/x-python-serialize"}, "not a call"),
        (b"broken", {"application_headers": {"compression": "application/x-gzip"}}, "unreadable"),
        (b'{"args":[],"kwargs":{"name":1,"key":"k"}}', {}, "Expected `str`, got `int`"),
    ],
    ids=["not JSON", "another shape", "pickle", "bad compression", "misfit without a caller"],
)
def test_poisoned_message_is_put_aside_with_its_reason(
    rabbitmq: RabbitMQ, remote: Remote, body: bytes, properties: dict[str, Any], reason: str
) -> None:
    publish(rabbitmq, body, **properties)
    letter = next_dead_letter(rabbitmq)
    assert reason in letter.headers["x-reason"]
    assert letter.headers["x-routing-key"] == "tiny.counting.count"
    assert remote.echo(text="not blocked") == "not blocked"


@pytest.mark.parametrize(
    ("method", "body", "reason"),
    [
        ("limit", b'{"args":[],"kwargs":{"name":"n","limit":3}}', "TooMany: That would be too many."),
        ("broken", b'{"args":[],"kwargs":{}}', "ZeroDivisionError: the defect"),
    ],
)
def test_failure_that_nobody_would_hear_of_is_put_aside(
    rabbitmq: RabbitMQ, remote: Remote, method: str, body: bytes, reason: str
) -> None:
    publish(rabbitmq, body, method)
    assert next_dead_letter(rabbitmq).headers["x-reason"] == reason


def test_message_that_kills_its_service_is_taken_out(
    rabbitmq: RabbitMQ, remote: Remote, service: Service, database: Database
) -> None:
    publish(rabbitmq, b'{"args":[],"kwargs":{"key":"deadly"}}', "die")
    letters: list[kombu.Message] = []

    def put_aside() -> bool:
        assert service.process is not None
        if service.process.poll() is not None:
            service.start(wait=False)
        letters.extend(filter(None, [dead_letter(rabbitmq)]))
        return bool(letters)

    wait_for(put_aside, seconds=90)
    assert "died 3 times" in letters[0].headers["x-reason"]
    assert remote.echo(text="not blocked") == "not blocked"
    assert attempts(database, "deadly") == 3
