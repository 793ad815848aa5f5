"""A host that makes and a host that keeps, on one broker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chassis.events.hosts import Host
from tests.rabbitmq import RabbitMQ


@pytest.fixture
def new_host(rabbitmq: RabbitMQ, postgres: str, tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """A host of this name that runs these domains; its database is empty."""
    hosts: list[Host] = []

    def make(name: str, domains: str) -> Host:
        host = Host(name, domains, postgres=postgres, broker=rabbitmq.url, directory=tmp_path)
        hosts.append(host)
        return host

    yield make
    for host in hosts:
        host.close()


@pytest.fixture
def maker(new_host: Callable[..., Host]) -> Host:
    return new_host("maker", "making")


@pytest.fixture
def keeper(new_host: Callable[..., Host]) -> Host:
    return new_host("keeper", "keeping")
