"""An instance in the catalogue that shows what reaches a host behind the gateway."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from strangler.chassis.bodies import pieces
from strangler.chassis.discovery import Registration
from strangler.toolkit.stack import Stack
from tests.edge.client import Client
from tests.ports import wait_for

HEALTHY_SECONDS = 15


class Echo:
    """`requests` counts what came, by path; `hang_up` makes it end connections without an answer."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.hang_up = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        echo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                for _ in pieces(self):
                    continue
                healthy = self.path in ("/livez", "/readyz")
                if not healthy:
                    echo.requests[self.path] += 1
                if echo.hang_up and not healthy:
                    self.close_connection = True
                    return
                received = {name.lower(): value for name, value in self.headers.items()}
                body = json.dumps({"echo": echo.address, "headers": received}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, format: str, *args: object) -> None: ...

        return Handler


@contextmanager
def beside_the_shop(stack: Stack, anonymous: Client) -> Iterator[Echo]:
    """An echo that takes its turn among the monolith's instances."""
    echo = Echo()
    threading.Thread(target=echo.server.serve_forever, args=[0.05], daemon=True).start()
    entry = Registration(f"http://{stack.address('consul', 8500)}", "monolith", echo.address)
    entry.start()
    try:
        wait_for(lambda: reached(anonymous, "/api/categories"), seconds=HEALTHY_SECONDS)
        yield echo
    finally:
        entry.stop()
        gone = [False] * 5
        # It is out of turn when several in a row have not come to it.
        wait_for(lambda: [bool(reached(anonymous, "/api/categories")) for _ in gone] == gone)
        echo.server.shutdown()
        echo.server.server_close()


def reached(client: Client, path: str, method: str = "GET", **more: Any) -> dict[str, str]:
    """The headers with which the request came to an echo; empty if another instance had its turn."""
    answer = client.ask(method, path, **more)
    body = answer.json() if answer.ok else {}
    headers: dict[str, str] = body["headers"] if isinstance(body, dict) and "echo" in body else {}
    return headers


def arrived(client: Client, path: str, method: str = "GET", **more: Any) -> dict[str, str]:
    """The headers with which the request comes to an echo, whichever turn it has to wait for."""
    found: dict[str, str] = {}

    def came() -> bool:
        # The gateway's question who the caller is takes a turn too, so that two instances would take the same
        # turns for ever: one request more changes them.
        client.get("/api/categories")
        found.update(reached(client, path, method, **more))
        return bool(found)

    wait_for(came)
    return found
