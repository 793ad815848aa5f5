"""The host of notifications by itself: its own tables, and an event that becomes a message, once."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from contracts.notifications import Notifications
from strangler.chassis.events import envelope, topology
from strangler.chassis.events.broker import Outgoing, connected
from strangler.chassis.rpc.client import Client
from strangler.toolkit.plan import load
from tests.own_host import OwnHost
from tests.ports import wait_for
from tests.rabbitmq import RabbitMQ
from tests.rpc_process import ROOT

CHASSIS = {"django_migrations", "events_inbox", "events_outbox", "events_received"}
PLACED = b'{"number":"ABC","user":7,"email":"ada@shop.example","total":"9.00","currency":"EUR"}'


def test_it_has_its_domain_and_nobody_elses(own_host: Callable[[str], OwnHost]) -> None:
    plan = load(ROOT / "migrations-plan/plan.yaml")
    assert own_host("notifications").tables() == {*plan.domains["notifications"].tables, *CHASSIS}


def test_an_event_that_comes_twice_is_told_once(
    own_host: Callable[[str], OwnHost], rabbitmq: RabbitMQ
) -> None:
    host = own_host("notifications")
    host.rpc()
    host.program("worker", "strangler.chassis.worker", "notifications.worker:app")
    placed = envelope.message(
        id=str(uuid.uuid4()),
        source="monolith",
        type="orders.order_placed",
        aggregate="ABC",
        time=datetime.now(UTC),
        traceparent="",
        body=PLACED,
    )
    client = Client(rabbitmq.url, locate=lambda domain: "notifications")
    channel = connected(rabbitmq.url, topology.declare_exchange)

    def told() -> list[str]:
        about = {"user": 7, "order": "ABC"}
        found = client.call("notifications", Notifications.methods["about_order"], about)
        return [notification.kind for notification in found]

    try:
        channel.send([Outgoing(topology.EXCHANGE, "orders.order_placed", placed)] * 2)
        wait_for(told, seconds=30)
        later = envelope.message(
            id=str(uuid.uuid4()),
            source="monolith",
            type="orders.order_cancelled",
            aggregate="ABC",
            time=datetime.now(UTC),
            traceparent="",
            body=PLACED,
        )
        channel.send([Outgoing(topology.EXCHANGE, "orders.order_cancelled", later)])
        wait_for(lambda: len(told()) > 1, seconds=30)
        # What came behind it is told, so the repetition was seen, and told nothing.
        assert told() == ["order_cancelled", "order_placed"]
    finally:
        channel.close()
        client.close()
