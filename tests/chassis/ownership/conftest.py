"""Two hosts as processes, with the broker and the Consul between them."""

from collections.abc import Iterator

import pytest

from tests.chassis.ownership.hosts import Host, World
from tests.consul import Consul, agent
from tests.ports import wait_for
from tests.rabbitmq import RabbitMQ


@pytest.fixture(scope="session")
def consul() -> Iterator[Consul]:
    with agent() as consul:
        yield consul


@pytest.fixture(scope="session")
def both(
    postgres: str, rabbitmq: RabbitMQ, consul: Consul, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("hosts")
    old, new = (Host(name, postgres, rabbitmq.url, consul, directory) for name in ("old", "new"))
    world = World(old, new, consul)
    world.begin(world.old)
    try:
        for host in (old, new):
            host.start()
        yield world
    finally:
        for host in (old, new):
            host.close()


@pytest.fixture
def world(both: World) -> World:
    """Two empty hosts; the old one owns the ledger."""
    both.begin(both.old)
    # A process that has not heard of it asks the other host, and knows by its answer who owns the ledger.
    wait_for(lambda: both.old.post("/api/entries", key="heard", amount=0).status_code == 201)
    both.begin(both.old)
    return both
