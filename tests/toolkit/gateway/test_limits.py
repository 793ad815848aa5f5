"""Whom the gateway's limits count, and by whose settings."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import count
from select import select

import pytest
import requests
from typer.testing import CliRunner

from strangler.toolkit.cli import app
from strangler.toolkit.config.history import Configuration
from strangler.toolkit.consul import KeyValues
from strangler.toolkit.gateway.apply import ROOT, settings_of
from tests.consul import Consul
from tests.ports import wait_for
from tests.toolkit.gateway.conftest import Gateway
from tests.toolkit.gateway.host import Host

PATHS = ["/api/categories", "/api/products", "/api/auth/token"]
"""Of a write that anybody, somebody, and somebody to be may send."""
BODY = 2**20
"""Of bytes: Traefik reads the rest of a small one before it refuses it."""
SOMEBODY = {"Authorization": "Bearer x"}
PLACES = {"PAGES_URL": "http://pages:8046", "FORWARD_AUTH_URL": "http://traefik:8081/internal/auth"}


def strangler(consul_url: str, *arguments: str, **environment: str) -> str:
    done = CliRunner().invoke(app, [*arguments], env=PLACES | {"CONSUL_URL": consul_url} | environment)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def host(behind_a_proxy: Gateway) -> Iterator[Host]:
    """Behind a gateway that a proxy is in front of, and whose limits are as wide as ever."""
    gateway = behind_a_proxy
    host = gateway.host("monolith", "catalog")
    host.start()
    try:
        gateway.write(1)
        wait_for(lambda: requests.get(f"{gateway.url}/api/categories", timeout=5).status_code == 200)
        yield host
    finally:
        host.stop()
        Configuration(gateway.store, "gateway").rollback(0)


def limit(gateway: Gateway, **limits: int) -> None:
    for name, value in limits.items():
        strangler(gateway.store.url, "config", "set", "gateway", name, str(value))


def begun(gateway: Gateway, path: str, client: str) -> socket.socket:
    """A write whose body does not come."""
    place = gateway.url.removeprefix("http://")
    name, _, port = place.partition(":")
    slow = socket.create_connection((name, int(port)), timeout=5)
    headers = {"Host": place, "X-Forwarded-For": client, "Content-Length": str(BODY), **SOMEBODY}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    slow.sendall("\r\n".join(lines).encode())
    return slow


@pytest.mark.usefixtures("host")
def test_clients_behind_a_proxy_are_counted_by_the_address_that_it_says(behind_a_proxy: Gateway) -> None:
    gateway = behind_a_proxy

    def ask(forwarded: str) -> requests.Response:
        headers = {"X-Forwarded-For": forwarded}
        return requests.get(f"{gateway.url}/api/categories", headers=headers, timeout=5)

    limit(gateway, proxies=1, rate_limit_burst=1, rate_limit_average=1)

    wait_for(lambda: ask("10.0.0.2").status_code == 429)
    assert ask("10.0.0.3").status_code == 200
    # What a client says of itself stands before what the proxy says of it.
    numbers = count(1)
    wait_for(lambda: ask(f"10.1.0.{next(numbers)}, 10.0.0.4").status_code == 429)
    # Who has one IPv6 address has its whole network.
    wait_for(lambda: ask(f"2001:db8::{next(numbers)}").status_code == 429)
    assert ask("2001:db8:0:1::1").status_code == 200
    told = ask("10.0.0.6").json()["headers"]["x-forwarded-for"]
    assert told == "10.0.0.6, 127.0.0.1"


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("path", PATHS)
def test_slow_uploads_take_their_clients_places_and_nobody_elses(behind_a_proxy: Gateway, path: str) -> None:
    gateway = behind_a_proxy

    def ask(client: str) -> int:
        headers = {"X-Forwarded-For": client, **SOMEBODY}
        return requests.post(gateway.url + path, b"{}", headers=headers, timeout=5).status_code

    limit(gateway, proxies=1, in_flight_client_limit=1, in_flight_limit=1)
    with ExitStack() as slow:

        def is_refused() -> bool:
            """Traefik begins to count anew with whatever it learns."""
            slow.enter_context(closing(begun(gateway, path, "10.0.0.1")))
            return ask("10.0.0.1") == 429

        wait_for(is_refused)
        assert [ask(f"10.0.0.{number}") for number in (2, 3, 4)] == [200, 200, 200]
    wait_for(lambda: ask("10.0.0.1") == 200)


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("path", PATHS[:2])
def test_a_body_is_taken_in_after_its_clients_requests_are_counted(
    behind_a_proxy: Gateway, path: str
) -> None:
    gateway = behind_a_proxy
    limit(gateway, proxies=1, rate_limit_burst=1, rate_limit_average=1)
    numbers = count(1)

    def one_is_refused() -> bool:
        client = f"10.2.0.{next(numbers)}"
        with closing(begun(gateway, path, client)) as one, closing(begun(gateway, path, client)) as other:
            answered, _, _ = select([one, other], [], [], 1)
            return [each.recv(12) for each in answered] == [b"HTTP/1.1 429"]

    wait_for(one_is_refused)


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("path", PATHS)
def test_what_is_too_large_is_refused_in_the_apis_shape(behind_a_proxy: Gateway, path: str) -> None:
    answer = requests.post(behind_a_proxy.url + path, b"x" * (2**21 + 1), timeout=5)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "request_too_large")


def test_what_the_gateway_was_begun_with_outlives_other_peoples_environment(consul: Consul) -> None:
    store = KeyValues(consul.url)
    strangler(consul.url, "gateway", "apply", "--stage", "1", GATEWAY_RATE_LIMIT_BURST="77")

    strangler(consul.url, "config", "set", "gateway", "in_flight_limit", "55")

    limits = settings_of(store)
    assert (limits.rate_limit_burst, limits.in_flight_limit) == (77, 55)
    written = store.folder(f"{ROOT}/middlewares/")
    assert written[f"{ROOT}/middlewares/rate-limit/rateLimit/burst"] == "77"
    assert written[f"{ROOT}/middlewares/in-flight/inFlightReq/amount"] == "55"

    strangler(consul.url, "gateway", "apply", "--stage", "1", GATEWAY_PROXIES="1")
    limits = settings_of(store)
    assert (limits.rate_limit_burst, limits.proxies) == (77, 1)
    strangler(consul.url, "gateway", "apply", "--stage", "1", GATEWAY_RATE_LIMIT_BURST="1000")
    limits = settings_of(store)
    assert (limits.rate_limit_burst, limits.proxies) == (1000, 1)


def test_an_environment_that_cannot_be_is_named_and_changes_nothing(consul: Consul) -> None:
    places = PLACES | {"CONSUL_URL": consul.url, "GATEWAY_PROXIES": "10.0.0.1"}
    done = CliRunner().invoke(app, ["gateway", "apply", "--stage", "1"], env=places)
    assert done.exit_code == 1
    assert "GATEWAY_PROXIES is '10.0.0.1'" in done.output
    assert KeyValues(consul.url).folder("") == {}
