"""The gateway's own pages, on connections that go on after a body that they have no use for."""

import socket

import pytest

from strangler.gateway.pages import Pages
from tests.chassis.test_bodies import BY_LENGTH, CHUNKED, TWO_REQUESTS, said, served


@pytest.mark.parametrize("body", [CHUNKED, BY_LENGTH], ids=["chunked", "by length"])
def test_the_next_request_on_the_connection_is_understood(body: bytes) -> None:
    with served(Pages) as server:
        answer = said(server, TWO_REQUESTS % body)

    assert answer.count(b"HTTP/1.1 ") == 2
    assert b" 400 " not in answer


@pytest.mark.parametrize("begun", [b"", b"GET /", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"], ids=repr)
def test_who_says_nothing_more_is_hung_up_on(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pages, "timeout", min(0.2, Pages.timeout))
    with served(Pages) as server, socket.create_connection(server.server_address[:2], timeout=5) as silent:  # type: ignore[arg-type]
        silent.sendall(begun)
        assert silent.recv(1) == b""
