"""What every test has: Django set up, on a PostgreSQL of its own as soon as a test asks for the database."""

import os
from collections.abc import Iterator

import dj_database_url
import django
import pytest
from django.db import connections

from strangler.toolkit.stack import Stack
from tests.consul import Consul, agent
from tests.postgres import Postgres
from tests.rabbitmq import RabbitMQ
from tests.stacks import running

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "monolith.settings",
    "SERVICE": "monolith",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/shop",
    "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests-0123456789",
    "CONFIG_KEY": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtMDE=",
    "FORWARDING_KEY": "only-for-tests-forwarding",
    "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
}


# At import, because the conftest files of folders below import models before any hook of ours runs.
for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)
django.setup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server that is thrown away afterwards, as its superuser."""
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: str) -> None:
    """pytest-django's hook: Django's tests run on that server."""
    where = dj_database_url.parse(postgres)
    for name in ("HOST", "PORT", "USER", "PASSWORD"):
        connections["default"].settings_dict[name] = where[name]


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A broker that a test may kill and start again."""
    server = RabbitMQ()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def consul() -> Iterator[Consul]:
    """An agent that knows nothing yet."""
    with agent() as consul:
        yield consul


@pytest.fixture(scope="session")
def stage_1() -> Iterator[Stack]:
    """The shop behind its gateway, for all tests that leave it as they found it."""
    with running(1) as stack:
        yield stack
