"""A host of a few lines: answers each request with its name, and is in Consul's catalogue as a real one."""

import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from strangler.chassis.discovery import Registration


class Host:
    """`start`, `stop`, and `break_down`, which leaves the catalogue to find out by itself.

    Whoever has a token in `Authorization` is somebody, and is told so with the status `knows`. `status` and
    `seconds` say how it answers anything else.
    """

    def __init__(self, consul_url: str, name: str, domains: Sequence[str]) -> None:
        self.name, self.status, self.seconds, self.knows = name, 200, 0.0, 200
        host = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # head and body in one packet

            def answer(self) -> None:
                body, status = host.answer(self)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        address = f"127.0.0.1:{self.server.server_address[1]}"
        self.registration = Registration(consul_url, name, address, domains=domains)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def start(self) -> None:
        self.thread.start()
        self.registration.start()

    def stop(self) -> None:
        self.registration.stop()
        self.break_down()

    def break_down(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(timeout=5)

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[bytes, int]:
        if request.path == "/readyz":
            return b"{}", 200
        if request.path == "/internal/auth":
            return b"", self.knows if request.headers.get("Authorization") else 401
        time.sleep(self.seconds)
        body = {"host": self.name, "headers": {k.lower(): v for k, v in request.headers.items()}}
        return json.dumps(body).encode(), self.status
