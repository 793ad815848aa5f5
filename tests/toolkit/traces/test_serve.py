"""The trace backend goes on whatever it is sent."""

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from strangler.toolkit.traces.cli import LARGEST_BODY, Backend, Handler
from strangler.toolkit.traces.store import SCHEMA, Store

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    server = Backend(("127.0.0.1", 0), Handler)
    server.store = Store(tmp_path / "traces.sqlite")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.store.connection.close()


def export(name: str, start: int = 1_700_000_000_000_000_000, path: str = "") -> bytes:
    span: dict[str, Any] = {"traceId": TRACE, "spanId": "b7ad6b7169203331", "name": name, "kind": 2}
    if path:
        span["attributes"] = [{"key": "url.path", "value": {"stringValue": path}}]
    span |= {"startTimeUnixNano": str(start), "endTimeUnixNano": str(start)}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def send(backend: Backend, body: bytes, encoding: str = "") -> int:
    url = f"http://127.0.0.1:{backend.server_address[1]}/v1/traces"
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    return requests.post(url, data=body, headers=headers, timeout=10).status_code


def names(backend: Backend) -> list[str]:
    return [span.name for span in backend.store.trace(TRACE)]


def test_a_span_of_no_time_is_refused_and_the_next_one_is_kept(backend: Backend) -> None:
    assert send(backend, export("late", start=2**63)) == 400
    assert send(backend, export("good")) == 200
    assert names(backend) == ["good"]


PACKED = gzip.compress(export("packed"))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (PACKED, 200),
        (PACKED[:-9], 400),
        (PACKED[:12] + b"\xff" * 9 + PACKED[21:], 400),
        (b"not packed", 400),
        (gzip.compress(b" " * (LARGEST_BODY + 1)), 413),
    ],
    ids=["packed", "cut off", "broken", "not packed", "too large"],
)
def test_a_packed_body_is_as_good_as_what_is_in_it(body: bytes, status: int, backend: Backend) -> None:
    assert send(backend, body, encoding="gzip") == status
    assert names(backend) == (["packed"] if status == 200 else [])


def test_a_database_that_fails_is_said_to_be_away_until_it_is_there_again(backend: Backend) -> None:
    backend.store.connection.execute("DROP TABLE span")
    assert send(backend, export("lost")) == 503
    backend.store.connection.executescript(SCHEMA)
    assert send(backend, export("good")) == 200
    assert names(backend) == ["good"]


def page(backend: Backend, path: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{backend.server_address[1]}{path}", timeout=10)


def test_the_list_says_what_was_asked_for_and_why_it_is_empty(backend: Backend) -> None:
    assert "No traces yet." in page(backend, "/").text
    send(backend, export("GET", path="/api/products"))
    assert "GET /api/products</a>" in page(backend, "/").text
    assert "No trace has such a span." in page(backend, "/?name=POST").text


def test_a_trace_that_is_not_there_has_a_page_that_says_so(backend: Backend) -> None:
    answer = page(backend, f"/traces/{TRACE}")
    assert answer.status_code == 404
    assert "is not here" in answer.text
    assert page(backend, f"/api/traces/{TRACE}").json() == {"error": "no such trace"}
