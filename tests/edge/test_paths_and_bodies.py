"""What the gateway lets in: no internal path however it is spelt, no body past the limit, nobody unknown."""

import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from strangler.toolkit.stack import Stack
from tests.edge.client import TIMEOUT, Client, code

INTERNAL = [
    "/livez",
    "/readyz",
    "/internal/auth",
    "/internal/",
    "/internal",
    "//internal/auth",
    "/./internal/auth",
    "/api/../internal/auth",
    "/%69nternal/auth",
    "/internal%2Fauth",
    "/%2Finternal/auth",
    "/internal/auth?x=1",
    "/readyz/",
    "/readyz%00",
    "/api/..%2Freadyz",
    "/api/%2e%2e/readyz",
    "/READYZ",
    "/ready",
    "/ping",
    "/metrics",
    "/dashboard/",
    "/api/http/routers",
    "/api/rawdata",
]
TOO_LARGE = 2 * 1024 * 1024 + 1


def raw(stack: Stack, method: str, target: str, **headers: str) -> tuple[int, bytes]:
    """An answer to exactly this request target, which a client library would tidy up."""
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=TIMEOUT)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", INTERNAL)
def test_no_internal_path_is_routed(path: str, stack: Stack, customer: Client) -> None:
    token = f"Bearer {customer.tokens['access']}"

    status, body = raw(stack, "GET", path, Authorization=token)

    assert status in (400, 404), body
    for secret in (b'"database"', b'"status":"ok"', b"x-user-id", b"routers", b"traefik_"):
        assert secret not in body.lower()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/internal/auth"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_the_answer_is_the_shops_own_404(method: str, path: str, anonymous: Client) -> None:
    answer = anonymous.ask(method, path)

    assert (answer.status_code, code(answer)) == (404, "not_found")


@pytest.mark.parametrize(
    ("target", "header", "status"),
    [("/api/products", "x" * 9000, 431), (f"/api/products?search={'x' * 9000}", "x", 414)],
)
def test_what_the_host_cannot_read_is_told_in_the_shops_shape(
    target: str, header: str, status: int, anonymous: Client
) -> None:
    answer = anonymous.get(target, headers={"X-Long": header})

    assert (answer.status_code, code(answer)) == (status, "parse_error")
    assert answer.headers["X-Request-Id"]


def chunks() -> Iterator[bytes]:
    for _ in range(TOO_LARGE // 65536 + 1):
        yield b"x" * 65536


@pytest.mark.parametrize("body", [lambda: b"x" * TOO_LARGE, chunks], ids=["by length", "chunked"])
def test_a_body_past_the_limit_is_refused(body: Any, customer: Client, anonymous: Client) -> None:
    headers = {"Content-Type": "application/json"}
    for client, path in [(anonymous, "/api/auth/register"), (customer, "/api/checkout")]:
        answer = client.ask("POST", path, data=body(), headers=headers)
        assert (answer.status_code, code(answer)) == (413, "request_too_large"), path


@pytest.mark.parametrize("size", [1024, 1025, TOO_LARGE - 1])
def test_a_read_with_a_body_is_answered(size: int, anonymous: Client) -> None:
    """Whether or not the gateway could send it again."""
    assert anonymous.ask("GET", "/api/categories", data=b"x" * size).status_code == 200


GUARDED = [
    ("GET", "/api/me"),
    ("PATCH", "/api/me"),
    ("GET", "/api/orders"),
    ("POST", "/api/checkout"),
    ("PUT", "/api/cart/lines/1"),
    ("DELETE", "/api/me/addresses/0"),
    ("GET", "/api/orders/a%2Fb"),
    ("POST", "/api/stock/1/adjust"),
    ("POST", "/api/products"),
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_route_that_needs_a_user_asks_for_one(method: str, path: str, anonymous: Client) -> None:
    nobody = anonymous.ask(method, path)
    assert (nobody.status_code, code(nobody)) == (401, "not_authenticated")
    forged = anonymous.ask(method, path, headers={"Authorization": "Bearer e30.e30.x"})
    assert (forged.status_code, code(forged)) == (401, "authentication_failed")
    assert nobody.headers["WWW-Authenticate"] == forged.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(("method", "path"), [*GUARDED, ("GET", "/livez"), ("GET", "/api/products")])
def test_every_answer_has_a_request_id_and_the_clients_own_is_kept(
    method: str, path: str, anonymous: Client
) -> None:
    drawn = [anonymous.ask(method, path).headers["X-Request-Id"] for _ in range(2)]
    assert drawn[0] != drawn[1]
    kept = anonymous.ask(method, path, headers={"X-Request-Id": "mine-1"})
    assert kept.headers["X-Request-Id"] == "mine-1"
    hostile = anonymous.ask(method, path, headers={"X-Request-Id": "a b;<script>"})
    assert hostile.headers["X-Request-Id"] != "a b;<script>"


def test_answers_are_compressed_and_carry_the_security_headers(anonymous: Client) -> None:
    answer = anonymous.get("/api/products")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
