"""What the hosts' own tests have: a database server and a broker that are thrown away afterwards."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import postgres, rabbitmq
from tests.own_host import OwnHost
from tests.rabbitmq import RabbitMQ

__all__ = ["own_host", "postgres", "rabbitmq"]


@pytest.fixture
def own_host(postgres: str, rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[Callable[[str], OwnHost]]:
    """Makes a host of a name; its processes end with the test."""
    made: list[OwnHost] = []

    def make(name: str) -> OwnHost:
        made.append(OwnHost(name, postgres=postgres, broker=rabbitmq.url, directory=tmp_path))
        return made[-1]

    yield make
    for host in made:
        host.close()
