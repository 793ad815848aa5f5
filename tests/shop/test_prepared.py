"""Prepared statements give the same rows on either way, and behave in transactions, traces and failures."""

import threading
import time

import psycopg
import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from opentelemetry.sdk.trace import TracerProvider

from shop.catalog.models import Category
from strangler.chassis.postgres import prepared
from strangler.chassis.postgres.prepared import Prepared

pytestmark = pytest.mark.django_db(transaction=True)

ECHO = Prepared("SELECT %s::text, NULL::text, (%s::int + 1)::text")
NAMES = Prepared("SELECT name FROM catalog_category ORDER BY id")


@pytest.fixture
def short_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Statements that took the short way."""
    taken: list[str] = []
    fetch = Prepared._fetch

    def note(self: Prepared, *arguments: object) -> object:
        taken.append(self.statement)
        return fetch(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Prepared, "_fetch", note)
    return taken


def test_both_ways_give_the_same_rows(short_way: list[str]) -> None:
    directly = ECHO.fetch("Grüße '$1' %s", "41")
    assert len(short_way) == 1
    with CaptureQueriesContext(connection) as watched:
        assert ECHO.fetch("Grüße '$1' %s", "41") == directly == [("Grüße '$1' %s", None, "42")]
    assert len(watched) == len(short_way) == 1


def test_again_on_a_new_connection(short_way: list[str]) -> None:
    ECHO.fetch("a", "1")
    connection.close()
    assert ECHO.fetch("a", "1") == [("a", None, "2")]
    assert len(short_way) == 2


def test_a_transaction_sees_its_own_changes() -> None:
    with transaction.atomic():
        Category.objects.create(slug="a", name="A")
        assert NAMES.fetch() == [("A",)]
        transaction.set_rollback(True)
    assert NAMES.fetch() == []


def test_a_recorded_trace_watches_the_cursor(short_way: list[str]) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with tracer.start_as_current_span("request"):
        ECHO.fetch("a", "1")
    assert short_way == []


def test_errors_are_djangos() -> None:
    for _ in range(2):
        with pytest.raises(DataError):
            ECHO.fetch("a", "not a number")
    assert ECHO.fetch("a", "1") == [("a", None, "2")]


def test_a_connection_that_dies_is_an_operational_error(postgres: str) -> None:
    ECHO.fetch("a", "1")
    pid = connection.connection.info.backend_pid
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with pytest.raises(OperationalError):
        ECHO.fetch("a", "1")
    connection.close()
    assert ECHO.fetch("a", "1") == [("a", None, "2")]


def test_other_threads_run_while_the_server_works() -> None:
    slow = Prepared("SELECT pg_sleep(0.5)::text")

    def work() -> None:
        try:
            slow.fetch()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 1.2


def test_statements_have_names_of_their_own() -> None:
    assert Prepared("SELECT 1")._name != Prepared("SELECT 1")._name
    assert prepared.Prepared("a %s b %s")._command == b"a $1 b $2"
