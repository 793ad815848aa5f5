"""A Consul that answers no is not a Consul that has nothing: only 404 says so."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from strangler.toolkit.cli import app
from strangler.toolkit.consul import ConsulError, KeyValues, write
from strangler.toolkit.gateway import splits
from strangler.toolkit.step import lock, state

STATUSES = {403: "set CONSUL_HTTP_TOKEN", 429: "answers 429: of this stub"}


@pytest.fixture
def stub() -> Iterator[ThreadingHTTPServer]:
    """Answers everything with its `status`."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(self.server.status)  # type: ignore[attr-defined]
            self.end_headers()
            self.wfile.write(b"of this stub")

        do_PUT = do_GET

        def log_message(self, format: str, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=STATUSES)
def refusing(stub: ThreadingHTTPServer, request: pytest.FixtureRequest) -> tuple[KeyValues, str]:
    """A store that refuses, and what is said of it."""
    stub.status = request.param  # type: ignore[attr-defined]
    return KeyValues(f"http://127.0.0.1:{stub.server_port}"), STATUSES[request.param]


def test_what_is_refused_is_not_empty(refusing: tuple[KeyValues, str]) -> None:
    store, message = refusing
    for asked in (
        lambda: store.folder("config/"),
        lambda: store.instances("monolith"),
        lambda: store.transaction([write("some", "value")]),
        lambda: state.load(store, "catalog"),
        lambda: splits.stored(store),
        lambda: lock.held(store, "catalog", command="test").__enter__(),
    ):
        with pytest.raises(ConsulError, match=message):
            asked()


@pytest.mark.parametrize("command", ["gateway show", "status", "migrate --to 1", "rollback"])
def test_no_command_goes_on(refusing: tuple[KeyValues, str], command: str) -> None:
    store, message = refusing
    environment = {"POSTGRES_URL": "postgresql://127.0.0.1:1/x", "CONSUL_URL": store.url, "COLUMNS": "300"}
    options = [] if command.startswith("gateway") else ["--plan", "tests/second_project/plan.yaml"]
    done = CliRunner().invoke(app, [*command.split(), *options], env=environment)
    assert done.exit_code == 1, done.output
    assert message in done.output


def test_what_is_not_there_is_empty(stub: ThreadingHTTPServer) -> None:
    stub.status = 404  # type: ignore[attr-defined]
    assert KeyValues(f"http://127.0.0.1:{stub.server_port}").folder("config/") == {}
