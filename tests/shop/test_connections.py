"""A lasting connection that died while idle costs nobody a failed request."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import DatabaseError, connections

from strangler.chassis.postgres.base import DatabaseWrapper


@pytest.fixture
def lasting(db: None) -> Iterator[DatabaseWrapper]:
    settings = {**connections["default"].settings_dict, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    wrapper = DatabaseWrapper(settings, alias="lasting")
    yield wrapper
    wrapper.close()


def request(wrapper: DatabaseWrapper) -> int:
    """What Django does around a request, with one statement in it; the server process that ran it."""
    wrapper.close_if_unusable_or_obsolete()
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
    wrapper.close_if_unusable_or_obsolete()
    return pid


def terminate(postgres: str, pid: int) -> None:
    with psycopg.connect(postgres, autocommit=True) as admin:
        assert admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)


def test_a_connection_is_used_again(lasting: DatabaseWrapper) -> None:
    assert request(lasting) == request(lasting)


def test_a_terminated_connection_is_replaced_unnoticed(lasting: DatabaseWrapper, postgres: str) -> None:
    before = request(lasting)
    terminate(postgres, before)
    assert request(lasting) != before


def test_after_an_error_the_server_is_asked(lasting: DatabaseWrapper) -> None:
    before = request(lasting)
    with pytest.raises(DatabaseError), lasting.cursor() as cursor:
        cursor.execute("SELECT 1/0")
    lasting.close_if_unusable_or_obsolete()
    assert not lasting.errors_occurred
    assert request(lasting) == before
