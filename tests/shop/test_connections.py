"""A lasting connection that died while idle costs nobody a failed request."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.db.backends.signals import connection_created
from django.test.utils import CaptureQueriesContext
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from strangler.chassis import tracing
from strangler.chassis.forwarding.commits import Commits
from strangler.chassis.postgres.base import DatabaseWrapper
from strangler.chassis.postgres.reading import Parameters, Rows, fetch
from tests.ports import free_port

PID = "SELECT pg_backend_pid()"
Read = Callable[[DatabaseWrapper], int]


@pytest.fixture
def lasting(db: None) -> Iterator[DatabaseWrapper]:
    settings = connections["default"].settings_dict
    options = {**settings["OPTIONS"], "server_side_binding": True, "prepare_threshold": 3}
    lasting = {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}
    wrapper = DatabaseWrapper({**settings, **lasting}, alias="lasting")
    yield wrapper
    wrapper.close()


def by_cursor(wrapper: DatabaseWrapper) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute(PID)
        pid: int = cursor.fetchone()[0]
    return pid


def fetched(wrapper: DatabaseWrapper, sql: str, parameters: Parameters | None = None) -> Rows:
    usual, connections["default"] = connections["default"], wrapper
    try:
        return fetch(sql, parameters)
    finally:
        connections["default"] = usual


def by_fetch(wrapper: DatabaseWrapper) -> int:
    ((pid,),) = fetched(wrapper, PID)
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


def test_a_server_that_is_away_is_djangos_error(lasting: DatabaseWrapper, read: Read, postgres: str) -> None:
    terminate(postgres, served(lasting, read))
    lasting.settings_dict["PORT"] = str(free_port())
    with pytest.raises(OperationalError):
        served(lasting, read)


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
    assert seen == [("SELECT %s::int", ["7"]), ("SELECT 1 WHERE false", None)]
    assert [query["sql"] for query in queries.captured_queries] == ["SELECT 1 WHERE false"]
    with pytest.raises(DatabaseError, match="does not exist"), transaction.atomic():
        fetch("SELECT * FROM nowhere")
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            fetch("SELECT 1")


def test_numbers_lists_and_names_are_parameters(lasting: DatabaseWrapper) -> None:
    both = "SELECT %s::bigint, %s::bigint[]"
    for _ in range(3):
        assert fetched(lasting, both, [2**62, [1, -2]]) == [(2**62, [1, -2])]
        assert fetched(lasting, both, [7, []]) == [(7, [])]
        assert fetched(lasting, "SELECT %(word)s::text, '5%%'", {"word": "it's"}) == [("it's", "5%")]
        assert fetched(lasting, "SELECT '5%'") == [("5%",)]
    with pytest.raises(DatabaseError, match="out of range"):
        fetched(lasting, both, [2**64, []])
    assert fetched(lasting, both, [1, [1]]) == [(1, [1])]


def test_a_statement_outlives_a_rollback_and_a_changed_table(lasting: DatabaseWrapper) -> None:
    """psycopg deallocates what is prepared after the one; the server refuses its plan after the other."""
    read = "SELECT kept FROM pg_temp.changing"
    with lasting.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE changing AS SELECT 1 AS kept")
        assert fetched(lasting, read) == [(1,)]
        for _ in range(7):
            cursor.execute("SELECT kept + 1 FROM pg_temp.changing")
        assert any(name.startswith("strangler") for name in names(lasting))
        cursor.execute("BEGIN")
        cursor.execute("ROLLBACK")
        assert names(lasting) == []
        assert fetched(lasting, read) == [(1,)]
        # Not by psycopg, which would deallocate again: as if another session had changed the table.
        lasting.connection.pgconn.exec_(b"ALTER TABLE pg_temp.changing ALTER kept TYPE text")
        assert fetched(lasting, read) == [("1",)]


def test_behind_a_pooler_nothing_is_prepared(lasting: DatabaseWrapper) -> None:
    lasting.settings_dict["OPTIONS"]["prepare_threshold"] = None
    assert fetched(lasting, "SELECT %s::int", [7]) == [(7,)]
    assert names(lasting) == []


def names(wrapper: DatabaseWrapper) -> list[str]:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        return [name for (name,) in cursor.fetchall()]


def test_in_a_transaction_a_fetch_is_part_of_it(lasting: DatabaseWrapper) -> None:
    now = "SELECT txid_current()"
    assert fetched(lasting, now) != fetched(lasting, now)
    lasting.set_autocommit(False)
    try:
        assert fetched(lasting, now) == fetched(lasting, now)
    finally:
        lasting.rollback()
        lasting.set_autocommit(True)


def test_a_connection_that_breaks_under_a_statement_is_an_operational_error(
    lasting: DatabaseWrapper, read: Read
) -> None:
    before = served(lasting, read)
    with pytest.raises(OperationalError):
        fetched(lasting, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert served(lasting, read) != before


def test_a_prepared_statement_is_seen_too(lasting: DatabaseWrapper) -> None:
    seen: list[str] = []

    def watch(execute: Any, sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        seen.append(sql)
        return execute(sql, parameters, many, context)

    lasting.ensure_connection()
    with lasting.execute_wrapper(watch):
        assert fetched(lasting, "SELECT 7") == [(7,)]
    assert seen == ["SELECT 7"]
    assert len(names(lasting)) == 1


def test_a_statement_that_is_stopped_is_not_done_again(lasting: DatabaseWrapper) -> None:
    before = served(lasting, by_fetch)
    with lasting.cursor() as cursor:
        cursor.execute("CREATE TEMP SEQUENCE asked")
        cursor.execute("SET statement_timeout = 1000")
    lasting.close_if_unusable_or_obsolete()
    with pytest.raises(OperationalError, match="statement timeout"):
        fetched(lasting, "SELECT nextval('asked'), pg_sleep(5)")
    assert fetched(lasting, "SELECT last_value FROM asked") == [(1,)]
    assert served(lasting, by_fetch) == before


@pytest.mark.parametrize("sql", ["UPDATE numbers SET number = 2", "SELECT number FROM numbers"])
def test_a_change_whose_answer_is_lost_may_be_committed(lasting: DatabaseWrapper, sql: str) -> None:
    commits = Commits()
    with lasting.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE numbers (number integer)")
        lasting.connection.close()
        with lasting.execute_wrapper(commits), pytest.raises(OperationalError):
            cursor.execute(sql)
    assert commits.any is sql.startswith("UPDATE")


def test_statements_are_traced_too_where_a_write_opened_the_connection(
    lasting: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "tracer", provider.get_tracer("test"))
    connection_created.connect(tracing.trace_statements)
    try:
        with tracing.tracer.start_as_current_span("request"):
            with lasting.execute_wrapper(Commits()):
                by_cursor(lasting)
            by_cursor(lasting)
    finally:
        connection_created.disconnect(tracing.trace_statements)
    assert [span.name for span in exporter.get_finished_spans()] == ["SELECT", "SELECT", "request"]
