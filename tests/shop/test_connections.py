"""A lasting connection that died while idle costs nobody a failed request."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from strangler.chassis.postgres.base import DatabaseWrapper
from strangler.chassis.postgres.reading import fetch

PID = "SELECT pg_backend_pid()"
Read = Callable[[DatabaseWrapper], int]


@pytest.fixture
def lasting(db: None) -> Iterator[DatabaseWrapper]:
    settings = {**connections["default"].settings_dict, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    wrapper = DatabaseWrapper(settings, alias="lasting")
    yield wrapper
    wrapper.close()


def by_cursor(wrapper: DatabaseWrapper) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute(PID)
        pid: int = cursor.fetchone()[0]
    return pid


def by_fetch(wrapper: DatabaseWrapper) -> int:
    usual, connections["default"] = connections["default"], wrapper
    try:
        ((pid,),) = fetch(PID)
    finally:
        connections["default"] = usual
    return int(pid)


@pytest.fixture(params=[by_cursor, by_fetch])
def read(request: pytest.FixtureRequest) -> Read:
    way: Read = request.param
    return way


def served(wrapper: DatabaseWrapper, read: Read) -> int:
    """What Django does around a request, with one statement in it; the server process that ran it."""
    wrapper.close_if_unusable_or_obsolete()
    pid = read(wrapper)
    wrapper.close_if_unusable_or_obsolete()
    return pid


def terminate(postgres: str, pid: int) -> None:
    with psycopg.connect(postgres, autocommit=True) as admin:
        assert admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)


def test_a_connection_is_used_again(lasting: DatabaseWrapper, read: Read) -> None:
    assert served(lasting, read) == served(lasting, read)


def test_a_terminated_connection_is_replaced_unnoticed(
    lasting: DatabaseWrapper, read: Read, postgres: str
) -> None:
    before = served(lasting, read)
    terminate(postgres, before)
    assert served(lasting, read) != before


def test_after_an_error_the_server_is_asked(lasting: DatabaseWrapper, read: Read) -> None:
    before = served(lasting, read)
    with pytest.raises(DatabaseError), lasting.cursor() as cursor:
        cursor.execute("SELECT 1/0")
    lasting.close_if_unusable_or_obsolete()
    assert not lasting.errors_occurred
    assert served(lasting, read) == before


def test_fetched_statements_are_seen_and_their_errors_are_djangos(db: None) -> None:
    seen: list[tuple[str, Any]] = []

    def watch(execute: Any, sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        seen.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(watch):
        assert fetch("SELECT %s::int", [7]) == [(7,)]
        with CaptureQueriesContext(connection) as queries:
            assert fetch("SELECT 1 WHERE false") == []
    assert seen == [("SELECT %s::int", [7]), ("SELECT 1 WHERE false", None)]
    assert [query["sql"] for query in queries.captured_queries] == ["SELECT 1 WHERE false"]
    with pytest.raises(DatabaseError, match="does not exist"), transaction.atomic():
        fetch("SELECT * FROM nowhere")
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            fetch("SELECT 1")
