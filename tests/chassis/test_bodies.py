"""Bodies by length and in chunks: read whole, and nothing of them left before the next request."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from strangler.chassis.bodies import pieces

CHUNKED = (
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n,\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
)
BY_LENGTH = b"Content-Length: 12\r\n\r\nhello, world"
TWO_REQUESTS = b"POST /a HTTP/1.1\r\nHost: x\r\n%bGET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = b"".join(pieces(self))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with served(Echo) as server:
        yield server


def said(server: ThreadingHTTPServer, sent: bytes) -> bytes:
    """Everything that it answers until it closes the connection."""
    with socket.create_connection(server.server_address[:2], timeout=5) as connection:  # type: ignore[arg-type]
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("body", [CHUNKED, BY_LENGTH], ids=["chunked", "by length"])
def test_the_next_request_on_the_connection_is_understood(server: ThreadingHTTPServer, body: bytes) -> None:
    answer = said(server, TWO_REQUESTS % body)

    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert b"\r\n\r\nhello, world" in answer


@pytest.mark.parametrize(
    "broken",
    [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nff\r\nhello",
        b"Content-Length: 99\r\n\r\nhello",
    ],
)
def test_a_broken_body_ends_its_connection(server: ThreadingHTTPServer, broken: bytes) -> None:
    answer = said(server, b"POST /a HTTP/1.1\r\nHost: x\r\n" + broken + b"GET /livez HTTP/1.1\r\n\r\n")

    assert answer.count(b"HTTP/1.1 ") == 1
