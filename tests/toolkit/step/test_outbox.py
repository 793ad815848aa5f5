"""What the new host committed and could not send is not lost with it when the step is given up."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.rabbitmq import RabbitMQ
from tests.shop_process import Process
from tests.toolkit.step.world import HOSTS, PLAN, ROOT, World

EVENT = """
INSERT INTO events_outbox (event_id, type, aggregate, payload, traceparent, occurred_at, deliver_after,
                           delivered_at, waits_for, attempts, last_error, content_type)
VALUES (gen_random_uuid(), 'books.added', '1', '{}', '', now(), now(), now(), '', 0, '', 'application/json')
"""
SENT = "SELECT published_at IS NOT NULL AS sent FROM events_outbox"


@pytest.fixture
def relay(world: World, rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[Process]:
    """The new host's, not started."""
    bind = f"127.0.0.1:{free_port()}"
    environment = {
        "PYTHONPATH": str(ROOT),
        "SERVICE": "books",
        "DATABASE_URL": f"postgresql://books@{world.server_address}/books",
        "BROKER_URL": rabbitmq.url,
        "CONSUL_URL": "",
        "BIND": bind,
    }
    process = Process(
        ["strangler.chassis.events.relay", HOSTS["books"]],
        {**os.environ, **environment},
        f"http://{bind}/readyz",
        tmp_path / "relay.log",
    )
    yield process
    process.kill()


def test_host_that_has_events_to_send_is_not_ended(world: World, relay: Process, tmp_path: Path) -> None:
    plan, stopped = tmp_path / "plan.yaml", tmp_path / "stopped"
    text = (ROOT / PLAN).read_text().replace("root: ../..", f"root: {ROOT}")
    plan.write_text(f"{text}\ncommands: {{ stop: touch {stopped} }}\n")
    place = ("--plan", str(plan))
    world.seed(5)
    world.toolkit("migrate", "--to", "1", "--accept-inconclusive", "--shadow-seconds", "0", *place)
    world.run("books", EVENT)

    refused = world.toolkit("rollback", "--abort", "--patience", "1", *place, status=1)
    assert "The outbox of books holds events (1) that the broker has not got" in refused.said
    assert not stopped.exists()
    assert world.leftovers() == []
    assert world.status()["owners"]["books"] == "library"

    relay.start()
    world.toolkit("rollback", *place)
    assert stopped.exists()
    assert world.rows("books", SENT) == [{"sent": True}]
    assert world.status()["steps"] == []
