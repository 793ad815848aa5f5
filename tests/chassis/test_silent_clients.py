"""Clients that stop in the middle of a request or answer, against a web process of few threads."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.chassis.echo_process import PATIENCE_SECONDS, READ_SECONDS, THREADS, connect, echo_process, left
from tests.chassis.events.hosts import Program
from tests.ports import wait_for

WHOLE = b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20\r\n\r\n"
MOMENT = 5.0
STAYING = 8
PIECE = b"x" * 50
"""One in a fiftieth of a second is some times the slowest pace."""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with echo_process(tmp_path_factory.mktemp("web")) as program:
        yield program


@pytest.fixture
def clients(web: Program) -> Iterator[list[socket.socket]]:
    """As many as there are threads."""
    opened = [connect(web) for _ in range(THREADS)]
    yield opened
    for client in opened:
        client.close()


def ask(web: Program, *, seconds: float) -> bool:
    """Whether another client is answered in that time."""
    connection = http.client.HTTPConnection(web.environment["BIND"], timeout=seconds)
    try:
        connection.request("GET", "/echo", headers={"Connection": "close"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_a_head_that_stops_is_dropped(web: Program, clients: list[socket.socket]) -> None:
    for client in clients:
        client.sendall(b"GET /echo HT")

    assert ask(web, seconds=PATIENCE_SECONDS + MOMENT)
    assert [left(client) for client in clients] == [b""] * THREADS


def test_a_head_that_trickles_is_dropped(web: Program, clients: list[socket.socket]) -> None:
    """A byte now and then is no progress."""
    head = iter(b"GET /echo HTTP/1.1\r\nX-Slow: " + b"x" * 1000)

    def dropped() -> bool:
        byte = bytes([next(head)])
        try:
            for client in clients:
                client.sendall(byte)
        except OSError:
            return True
        return False

    wait_for(dropped, seconds=PATIENCE_SECONDS + MOMENT)
    assert ask(web, seconds=MOMENT)


def test_a_body_that_stops_is_the_clients_error(web: Program, clients: list[socket.socket]) -> None:
    for client in clients:
        client.sendall(WHOLE + b"half of it")

    assert ask(web, seconds=PATIENCE_SECONDS + MOMENT)
    for answer in map(left, clients):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert json.loads(body)["errors"][0]["code"] == "parse_error"


def test_an_upload_over_a_slow_line_goes_on(clients: list[socket.socket]) -> None:
    client, began = clients[0], time.monotonic()
    client.sendall(b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")

    def long_enough() -> bool:
        client.sendall(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
        return time.monotonic() > began + 2 * PATIENCE_SECONDS

    wait_for(long_enough)
    client.sendall(b"0\r\n\r\n")
    assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", [b"/long", b"/file"])
def test_an_answer_that_nobody_reads_is_given_up(
    path: bytes, web: Program, clients: list[socket.socket]
) -> None:
    for client in clients:
        client.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path * 4)

    assert ask(web, seconds=READ_SECONDS + MOMENT)


def test_who_stays_after_the_last_answer_keeps_nobody_out(web: Program) -> None:
    """gunicorn gives each two seconds to leave."""
    with ExitStack() as staying:
        for _ in range(STAYING):
            client = staying.enter_context(connect(web))
            client.sendall(b"GET /echo HTTP/1.0\r\n\r\n")
        assert ask(web, seconds=STAYING * 2 / THREADS + MOMENT)
