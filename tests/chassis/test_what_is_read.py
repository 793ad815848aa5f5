"""What of a request reaches the application, however it was sent."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chassis.echo_process import connect, echo_process, left
from tests.chassis.events.hosts import Program

LIMIT = 2 * 1024 * 1024
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with echo_process(tmp_path_factory.mktemp("web")) as program:
        yield program


def sent(web: Program, headers: bytes, body: bytes = b"", *, method: bytes = b"PATCH") -> tuple[int, Any]:
    """Status and document of the answer."""
    with connect(web) as client:
        head = b"%s /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" % method
        client.sendall(head + headers + b"\r\n" + body)
        head, _, answer = left(client).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(answer)


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


@pytest.mark.parametrize("method", [b"PATCH", b"GET"])
def test_a_body_in_chunks_is_read(web: Program, method: bytes) -> None:
    status, seen = sent(web, CHUNKED, chunks(b'{"price": ', b'"9.00"}'), method=method)
    assert (status, seen["body"]) == (200, '{"price": "9.00"}')


def test_one_of_no_chunks_is_empty(web: Program) -> None:
    status, seen = sent(web, CHUNKED, chunks())
    assert (status, seen["body"]) == (200, "")


def test_one_past_the_gateways_limit_is_refused(web: Program) -> None:
    status, seen = sent(web, CHUNKED, chunks(b"x" * LIMIT, b"x"))
    assert (status, seen["errors"][0]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"5\r\nab\r\nc", b"2\r\nab\r\n", b"2\r\nab\r\n0\r\nno trailer\r\n\r\n"]
)
def test_broken_chunks_are_the_clients_error(web: Program, body: bytes) -> None:
    status, seen = sent(web, CHUNKED, body)
    assert (status, seen["errors"][0]["code"]) == (400, "parse_error")


LONG = b"x" * 9000


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        (b"/echo", b"X-Long: " + LONG, 431),
        (b"/echo?search=" + LONG, b"X-Short: x", 414),
        ("/echo?search=Küche".encode(), b"X-Short: x", 400),
        (b"/echo", b"Expect: nothing", 417),
        (b"/echo", b"Transfer-Encoding: sideways", 501),
    ],
)
def test_what_cannot_be_read_is_told_as_every_error(
    web: Program, target: bytes, headers: bytes, status: int
) -> None:
    with connect(web) as client:
        client.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n\r\n" % (target, headers))
        head, _, answer = left(client).partition(b"\r\n\r\n")
    told = json.loads(answer)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    kind = "client_error" if status < 500 else "server_error"
    assert (told["type"], told["errors"][0]["code"]) == (kind, "parse_error")
    for header in (b"X-Request-Id: ", b"Content-Type: application/json", b"Connection: close"):
        assert header in head


@pytest.mark.parametrize(
    "header", ["SCRIPT_NAME: /echo", "SCRIPT_NAME: /x", "PATH_INFO: /long", "X-Forwarded-Proto: https"]
)
def test_no_header_says_where_and_how_we_are_reached(web: Program, header: str) -> None:
    expected = {"path": "/echo", "scheme": "http", "body": ""}
    assert sent(web, f"{header}\r\n".encode(), method=b"GET") == (200, expected)
