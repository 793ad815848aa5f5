"""A pooled connection that died while idle costs nobody a failed request."""

import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connections

from strangler.chassis.postgres.base import DatabaseWrapper, alive


@pytest.fixture
def pooled(db: None) -> Iterator[DatabaseWrapper]:
    settings = connections["default"].settings_dict
    options = {**settings["OPTIONS"], "pool": {"min_size": 2, "max_size": 4, "timeout": 3.0}}
    wrapper = DatabaseWrapper({**settings, "OPTIONS": options}, alias="pooled")
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def backend(wrapper: DatabaseWrapper) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
        return pid


def test_connections_are_used_again(pooled: DatabaseWrapper) -> None:
    first = backend(pooled)
    pooled.close()
    pids = set()
    for _ in range(8):
        pids.add(backend(pooled))
        pooled.close()
    assert first in pids
    assert len(pids) <= 4


def test_terminated_connections_are_replaced_unnoticed(pooled: DatabaseWrapper, postgres: str) -> None:
    before = backend(pooled)
    pooled.close()
    idle = [connection.info.backend_pid for connection in pooled.pool._pool]
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s::int[]) AS pid", [idle])
    assert before in idle
    started = time.monotonic()
    for _ in range(4):
        assert backend(pooled) != before
        pooled.close()
    assert time.monotonic() - started < 2


def test_a_living_connection_is_alive(postgres: str) -> None:
    with psycopg.connect(postgres) as connection:
        assert alive(connection)
