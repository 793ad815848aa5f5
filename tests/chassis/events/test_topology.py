"""What a host gets from the broker follows what it handles."""

from collections.abc import Callable
from typing import Any

import kombu

from strangler.chassis.events import topology
from tests.chassis.events.contracts import Made
from tests.chassis.events.hosts import Host
from tests.rabbitmq import RabbitMQ


def gets(broker: RabbitMQ, host: str, event_type: str) -> bool:
    """Whether an event of this type comes to the host's queue, which is empty and stays so."""
    with kombu.Connection(broker.url, transport_options={"confirm_publish": True}) as connection:
        channel: Any = connection.channel()
        kombu.Producer(channel).publish({}, exchange=topology.EXCHANGE, routing_key=event_type)
        return bool(channel.queue_purge(topology.queue(host)))


def test_host_gets_what_it_handles_until_the_domain_has_moved_away(
    new_host: Callable[..., Host], rabbitmq: RabbitMQ
) -> None:
    host = new_host("mover", "making keeping")
    host.worker().stop()
    assert gets(rabbitmq, host.name, Made.TYPE)
    host.worker(DOMAINS="making").stop()
    assert not gets(rabbitmq, host.name, Made.TYPE)
