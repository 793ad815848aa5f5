"""The token is for Consul's ears only."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from strangler.chassis import consul

SECRET = "a-secret-token"


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Leads each request on; with what it has heard: paths and tokens."""
    heard: list[tuple[str, str | None]] = []

    class Leads(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append((self.path, self.headers["X-Consul-Token"]))
            self.send_response(301)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Leads)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()


def test_no_redirect_takes_it_along(
    elsewhere: tuple[str, list[tuple[str, str | None]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, heard = elsewhere
    monkeypatch.setenv(consul.VARIABLE, SECRET)
    with pytest.raises(requests.TooManyRedirects, match="leads elsewhere"):
        consul.ask("GET", f"{url}/v1/kv/x", timeout=5)
    assert heard == [("/v1/kv/x", SECRET)]


def test_what_cannot_be_sent_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(consul.VARIABLE, f"{SECRET}\nand more")
    with pytest.raises(requests.RequestException) as raised:
        consul.ask("GET", "http://127.0.0.1:1", timeout=1)
    assert consul.VARIABLE in str(raised.value)
    assert SECRET not in str(raised.value)
