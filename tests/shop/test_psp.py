"""A payment provider that answers in its own time."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal

import pytest

from contracts.payments import PaymentUnavailable
from shop.payments import psp

BODY = b'{"reference": "ch_1", "status": "approved", "amount": "9.00", "currency": "EUR"}'
HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
ENDLESS = HEAD + b"Connection: close\r\n\r\n" + b"x" * 1_000_000
AT_MOST = 15.0
"""Beyond the two seconds it is only this machine's to spend."""
PAUSE = 0.05
LONG_SECONDS = 30.0

Answer = Callable[[socket.socket, threading.Event], None]


def at_once(answer: bytes) -> Answer:
    return lambda client, _: client.sendall(answer)


def dripping(quick: bytes, slow: bytes) -> Answer:
    """`slow` comes over and over, for much longer than anybody should wait."""

    def answer(client: socket.socket, over: threading.Event) -> None:
        client.sendall(quick)
        ends = time.monotonic() + LONG_SECONDS
        while time.monotonic() < ends and not over.wait(PAUSE):
            client.sendall(slow)
        client.shutdown(socket.SHUT_RDWR)

    return answer


class Provider:
    """Answers all requests alike; `connections` counts."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.connections, self.over = answer, 0, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._requests, args=[client], daemon=True).start()

    def _requests(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while request := client.recv(65536):
                ends = b"\r\n\r\n" if request.startswith(b"CONNECT") else b"}"
                while not request.endswith(ends):
                    request += client.recv(65536)
                self.answer(client, self.over)

    def close(self) -> None:
        self.over.set()
        self.listener.close()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Provider]:
    provider = Provider(request.param)
    monkeypatch.setenv("PSP_URL", provider.url)
    yield provider
    provider.close()


def charge() -> psp.Charge:
    return psp.charge(key="k", amount=Decimal("9.00"), currency="EUR", token="tok_ok")


@pytest.mark.parametrize("provider", [at_once(WHOLE)], indirect=True)
def test_connections_are_kept(provider: Provider) -> None:
    assert [charge().reference, charge().reference] == ["ch_1", "ch_1"]
    assert provider.connections == 1


@pytest.mark.parametrize(
    "provider",
    [
        dripping(b"HTTP/1.1 201 Cre", b"e"),
        dripping(HEAD, b"X-More: x\r\n"),
        dripping(HEAD + b"Content-Length: 10000\r\n\r\n", b" "),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        dripping(HEAD + b"Connection: close\r\n\r\n" + BODY, b" "),
        dripping(b"", b""),
        at_once(ENDLESS),
    ],
    ids=["status", "head", "body", "chunks", "until it closes", "silent", "too long"],
    indirect=True,
)
def test_an_answer_that_does_not_come_is_given_up_in_time(provider: Provider) -> None:
    began = time.monotonic()
    with pytest.raises(PaymentUnavailable):
        charge()
    assert time.monotonic() - began < AT_MOST


@pytest.mark.parametrize(
    ("provider", "scheme"),
    [
        (dripping(HEAD, b"X-More: x\r\n"), "http"),
        (dripping(HEAD + b"Content-Length: 10000\r\n\r\n", b" "), "http"),
        (dripping(b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n"), "https"),
    ],
    ids=["head", "body", "tunnel"],
    indirect=["provider"],
)
def test_a_proxys_answer_that_does_not_come_is_given_up_in_time(
    provider: Provider, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSP_URL", f"{scheme}://psp.invalid")
    monkeypatch.setenv(f"{scheme}_proxy", provider.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    began = time.monotonic()
    with pytest.raises(PaymentUnavailable):
        charge()
    assert time.monotonic() - began < AT_MOST
    assert provider.connections
