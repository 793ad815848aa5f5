"""Relays: several at once, over restarts of what they need, and at their end."""

import json
import subprocess
import sys
from typing import Any

import kombu
import msgspec
import pytest
import requests

from strangler.chassis.events import topology
from strangler.chassis.events.unpublished import session
from tests.chassis.events.contracts import Made
from tests.chassis.events.hosts import ROOT, Host, arrived
from tests.chassis.events.stream import in_order
from tests.consul import Consul
from tests.ports import free_port, wait_for
from tests.rabbitmq import RabbitMQ

LISTENER = "listener"
KEEPALIVES = ("idle", "interval", "count")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LOCKS = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1937011314 AND objid < 1000
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid ORDER BY 1
"""

MANY_OLD = """
    INSERT INTO events_outbox (event_id, type, aggregate, payload, traceparent, occurred_at, delivered_at,
                               published_at, deliver_after, waits_for, attempts, last_error, content_type)
    SELECT gen_random_uuid(), type, aggregate, payload, traceparent, occurred_at, delivered_at,
           published_at, deliver_after, waits_for, attempts, last_error, content_type
    FROM events_outbox, generate_series(1, 12000) WHERE published_at IS NOT NULL
"""


@pytest.fixture
def listening(rabbitmq: RabbitMQ) -> None:
    """A queue for what is relayed, empty."""
    with kombu.Connection(rabbitmq.url) as connection:
        channel: Any = connection.channel()
        topology.declare_host(channel, LISTENER, ["making.made", "making.packed"])
        channel.queue_purge(topology.queue(LISTENER))


def shares(host: Host) -> list[int]:
    """How many partitions each relay has."""
    return [int(row[0]) for row in host.database.execute(LOCKS.encode()).fetchall()]


def things(count: int, *, aggregates: int = 10) -> list[str]:
    return [f"a{number % aggregates} {number // aggregates} keep" for number in range(count)]


def test_what_is_old_is_forgotten_where_no_worker_does(maker: Host) -> None:
    maker.make("ada 1 keep", "ada 2 keep")
    for when in ("occurred_at", "delivered_at"):
        maker.database.execute(f"UPDATE events_outbox SET {when} = now() - interval '8 days'".encode())
    maker.database.execute(
        "UPDATE events_outbox SET published_at = delivered_at WHERE payload->>'number' = '1'"
    )
    maker.database.execute(MANY_OLD)
    maker.relay()
    wait_for(lambda: maker.number("SELECT count(*) FROM events_outbox") == 1)
    wait_for(lambda: maker.unpublished() == 0)
    assert maker.number("SELECT count(*) FROM events_outbox WHERE payload->>'number' = '2'") == 1


@pytest.mark.usefixtures("listening")
class TestSeveralRelays:
    def test_they_share_the_aggregates_and_a_dead_ones_share_is_taken_over(
        self, maker: Host, rabbitmq: RabbitMQ
    ) -> None:
        first = maker.relay()
        wait_for(lambda: shares(maker) == [16])
        second = maker.relay()
        wait_for(lambda: shares(maker) == [8, 8])
        third = maker.relay()
        wait_for(lambda: sum(shares(maker)) == 16 and len(shares(maker)) == 3 and max(shares(maker)) == 6)
        maker.make(*things(60))
        second.kill()
        maker.make(*things(40, aggregates=4))
        wait_for(lambda: maker.unpublished() == 0)
        third.kill()
        wait_for(lambda: shares(maker) == [16])
        assert first.stop() == 0
        # What a relay had sent and not noted yet when it was killed is sent again.
        messages = arrived(rabbitmq.url, LISTENER, count=100)
        assert len({message.headers["cloudEvents:id"] for message in messages}) == 100

    def test_each_event_is_sent_once_and_aggregates_keep_their_order(
        self, maker: Host, rabbitmq: RabbitMQ
    ) -> None:
        for _ in range(3):
            maker.relay()
        wait_for(lambda: len(shares(maker)) == 3)
        maker.make(*things(300))
        wait_for(lambda: maker.unpublished() == 0)
        messages = arrived(rabbitmq.url, LISTENER, count=300)
        events = [msgspec.json.decode(message.body, type=Made) for message in messages]
        assert len(events) == len(set(events)) == 300
        assert in_order((event.name, event.number) for event in events)


@pytest.mark.usefixtures("listening")
def test_relay_outlives_its_databases_sessions_and_its_broker(maker: Host, rabbitmq: RabbitMQ) -> None:
    relay = maker.relay()
    maker.database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'maker-relay'"
    )
    maker.make("a 1 keep")
    wait_for(lambda: maker.unpublished() == 0)
    rabbitmq.kill()
    maker.make("a 2 keep")
    wait_for(lambda: requests.get(f"{relay.url}/readyz", timeout=30).status_code == 503, seconds=60)
    assert requests.get(f"{relay.url}/livez", timeout=30).status_code == 200
    assert maker.unpublished() == 1
    rabbitmq.start()
    wait_for(lambda: maker.unpublished() == 0, seconds=30)
    assert relay.running
    assert len(arrived(rabbitmq.url, LISTENER, count=2)) >= 2


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("options", [{"server_side_binding": False}, {"pool": True}])
def test_relay_has_a_session_of_its_own_whatever_django_is_set_to(
    maker: Host, rabbitmq: RabbitMQ, options: dict[str, bool]
) -> None:
    relay = maker.relay(OPTIONS=json.dumps(options))
    maker.make("a 1 keep")
    wait_for(lambda: maker.unpublished() == 0)
    rabbitmq.kill()
    maker.make("a 2 keep")
    wait_for(lambda: requests.get(f"{relay.url}/readyz", timeout=30).status_code == 503, seconds=60)
    rabbitmq.start()
    wait_for(lambda: maker.unpublished() == 0, seconds=30)
    assert shares(maker) == [16]


@pytest.mark.django_db
def test_server_notices_soon_that_a_relays_machine_has_died() -> None:
    with session() as connection:
        shown = [connection.execute(f"SHOW tcp_keepalives_{name}".encode()).fetchone() for name in KEEPALIVES]
    assert shown == [("10",), ("3",), ("3",)]


@pytest.mark.usefixtures("listening")
def test_message_is_a_cloud_event(maker: Host, rabbitmq: RabbitMQ) -> None:
    maker.make("ada 1 keep", "ada 2 keep packed")
    maker.database.execute("UPDATE events_outbox SET traceparent = %s", [TRACE])
    maker.relay()
    plain, packed = arrived(rabbitmq.url, LISTENER, count=2)
    headers = plain.headers
    row = maker.database.execute(
        "SELECT event_id::text, occurred_at FROM events_outbox ORDER BY id"
    ).fetchone()
    assert row is not None
    assert {name: headers[name] for name in headers if name != "cloudEvents:time"} == {
        "traceparent": TRACE,
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": row[0],
        "cloudEvents:source": "maker",
        "cloudEvents:type": "making.made",
        "cloudEvents:partitionkey": "ada",
    }
    assert headers["cloudEvents:time"] == row[1].isoformat()
    assert plain.properties["content_type"] == "application/json"
    assert plain.properties["delivery_mode"] == 2
    assert packed.properties["content_type"] == "application/protobuf"
    assert b"{" not in bytes(packed.body)


@pytest.mark.usefixtures("listening")
def test_relay_is_in_the_catalogue_while_it_runs(maker: Host, consul: Consul) -> None:
    address = f"127.0.0.1:{free_port()}"
    relay = maker.relay(CONSUL_URL=consul.url, BIND=address, ADVERTISE=address)

    def known() -> list[Any]:
        url = f"{consul.url}/v1/health/service/maker-relay?passing"
        found: list[Any] = requests.get(url, timeout=30).json()
        return found

    wait_for(lambda: known())
    assert known()[0]["Service"]["Tags"] in (None, [])
    assert relay.stop() == 0
    wait_for(lambda: known() == [])


def test_usage_is_said() -> None:
    command = [sys.executable, "-m", "strangler.chassis.events.relay"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "usage: python -m strangler.chassis.events.relay SETTINGS" in done.stderr
