"""The rpc process as a citizen: it waits without stopping others, borrows connections, is seen and traced."""

import contextlib
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ports import Method
from strangler.chassis.rpc.client import Client
from strangler.chassis.rpc.policies.call import SECONDS
from strangler.toolkit.stack.program import find
from tests.chassis.rpc.conftest import ROOT, SETTINGS, Remote, number, together
from tests.chassis.rpc.counting.contract import Counting
from tests.chassis.rpc.idling.contract import Idling
from tests.ports import free_port, wait_for
from tests.probe import answers
from tests.rpc_process import Service

USED = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tiny-rpc'"


def test_calls_that_wait_for_the_database_do_not_stop_each_other(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SECONDS, "query", 20.0)
    remote.patience(seconds=0)
    # One after the other, the last would end past the deadline.
    assert together(lambda: remote.patience(seconds=4), callers=6) == [4] * 6


def test_connections_are_borrowed_not_collected(
    remote: Remote, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call is a greenlet of its own; Django alone would open a connection for each."""
    monkeypatch.setitem(SECONDS, "query", 20.0)
    outcomes = together(lambda: remote.times(name="pool"), callers=6, times=50)
    assert outcomes == [0] * 300
    assert number(database, USED) <= 10


def test_domains_whose_workers_all_wait_leave_the_others_their_connections(
    new_service: Callable[..., Service],
    client: Client,
    database: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SECONDS, "query", 20.0)
    crowded = new_service(SERVICE="crowded", RPC_WORKERS="2")
    crowded.start()
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%%' AND state = 'active'"
    )
    calls = [("counting", Counting.methods["patience"]), ("idling", Idling.methods["doze"])]

    def wait_long(domain: str, method: Method) -> None:
        with contextlib.suppress(DomainUnavailable):
            client.ask("crowded", domain, method, {"seconds": 30})

    threads = [threading.Thread(target=wait_long, args=call) for call in calls * 2]
    try:
        for thread in threads:
            thread.start()
        wait_for(lambda: number(database, waiting) == 4, seconds=6)
        assert requests.get(crowded.health, timeout=5).status_code == 200
        assert number(database, waiting) == 4
    finally:
        crowded.kill()
        client.close()  # nobody answers them any more
        for thread in threads:
            thread.join()


def test_it_refuses_to_start_where_a_query_would_stop_every_call(service: Service) -> None:
    environment = {**service.environment, "PSYCOPG_WAIT_FUNC": "wait_c"}
    command = [sys.executable, "-m", "strangler.chassis.rpc", SETTINGS]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode
    assert "PSYCOPG_WAIT_FUNC=wait_selector" in done.stderr


def test_it_says_which_domains_it_does_not_host(service: Service) -> None:
    command = [sys.executable, "-m", "strangler.chassis.rpc", SETTINGS, "nothing"]
    done = subprocess.run(
        command, cwd=ROOT, env=service.environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode
    assert "not hosted here: nothing. Hosted: counting" in done.stderr


def test_it_says_that_it_lives(service: Service) -> None:
    assert answers(service.health)
    assert answers(service.health.replace("readyz", "livez"))


@pytest.fixture
def spans() -> Iterator[tuple[str, list[Span]]]:
    """A trace backend: where to send spans, and those that came."""
    received: list[Span] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest()
            request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    received.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_trace_goes_on_in_the_service_down_to_its_statement(
    new_service: Callable[..., Service], client: Client, spans: tuple[str, list[Span]]
) -> None:
    endpoint, received = spans
    traced = new_service(SERVICE="traced", OTLP_ENDPOINT=endpoint, TRACE_SAMPLE_RATIO="0")
    traced.start()
    caller = SpanContext(trace_id=0xABCD, span_id=0xEF, is_remote=False, trace_flags=TraceFlags(1))
    try:
        with trace.use_span(NonRecordingSpan(caller)):
            assert client.ask("traced", "counting", Counting.methods["trace"], {}) == format(0xABCD, "032x")
            client.ask("traced", "counting", Counting.methods["times"], {"name": "n"})
        wait_for(lambda: {"counting.times", "SELECT"} <= {span.name for span in received}, seconds=10)
    finally:
        traced.terminate()
        assert traced.process is not None
        assert traced.process.wait(timeout=10) == 0
    served = next(span for span in received if span.name == "counting.times")
    asked = next(span for span in received if span.name == "SELECT")
    assert served.kind == Span.SPAN_KIND_SERVER
    assert int.from_bytes(served.trace_id, "big") == 0xABCD
    assert int.from_bytes(served.parent_span_id, "big") == 0xEF
    assert asked.parent_span_id == served.span_id


@pytest.fixture
def consul(tmp_path: Path) -> Iterator[str]:
    """A Consul agent that forgets everything at the end."""
    program = find("consul", str(ROOT / ".venv/opt/bin"))
    http, *others = (free_port() for _ in range(4))
    server, lan, wan = others
    ports = [f"-http-port={http}", f"-server-port={server}", f"-serf-lan-port={lan}"]
    ports += [f"-serf-wan-port={wan}", "-dns-port=-1", "-grpc-port=-1"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "agent", "-dev", "-client=127.0.0.1", "-bind=127.0.0.1", *ports], stdout=log, stderr=log
        )
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{http}/v1/agent/self"))
        yield f"http://127.0.0.1:{http}"
    finally:
        process.kill()
        process.wait()


def test_the_share_that_is_traced_changes_while_it_serves(
    new_service: Callable[..., Service], consul: str, client: Client, spans: tuple[str, list[Span]]
) -> None:
    endpoint, received = spans
    traced = new_service(SERVICE="traced", OTLP_ENDPOINT=endpoint, TRACE_SAMPLE_RATIO="0", CONSUL_URL=consul)
    traced.start()

    def ask() -> bool:
        client.ask("traced", "counting", Counting.methods["times"], {"name": "n"})
        return any(span.name == "counting.times" for span in received)

    try:
        for _ in range(20):
            assert not ask()
        ratio = f"{consul}/v1/kv/config/traced/trace_sample_ratio"
        wait_for(lambda: requests.put(ratio, data="1", timeout=5).ok, seconds=10)
        wait_for(ask, seconds=10)
    finally:
        traced.terminate()
        assert traced.process is not None
        assert traced.process.wait(timeout=10) == 0


def test_it_is_in_the_catalogue_while_it_serves(new_service: Callable[..., Service], consul: str) -> None:
    registered = new_service(SERVICE="seen", CONSUL_URL=consul)
    registered.environment["ADVERTISE"] = f"127.0.0.1:{registered.port}"
    registered.start()

    def passing() -> list[Any]:
        found = requests.get(f"{consul}/v1/health/service/seen-rpc?passing", timeout=5).json()
        return list(found)

    wait_for(lambda: passing(), seconds=10)
    assert passing()[0]["Service"]["Tags"] == []
    registered.terminate()
    wait_for(lambda: not passing(), seconds=10)
    assert registered.process is not None
    assert registered.process.wait(timeout=10) == 0


def test_monolith_boots_without_any_of_it() -> None:
    """Stages before the first remote call pay nothing for it."""
    script = (
        "import django, sys; django.setup(); import monolith.wsgi; "
        "ours = ('nameko', 'eventlet', 'pybreaker', 'strangler.chassis.rpc'); "
        "sys.exit(', '.join(name for name in sys.modules if name.startswith(ours)) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
