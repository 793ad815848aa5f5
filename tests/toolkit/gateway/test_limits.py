"""Whom the gateway's limits count, and by whose settings."""

from itertools import count

import requests
from typer.testing import CliRunner

from strangler.toolkit.cli import app
from strangler.toolkit.consul import KeyValues
from strangler.toolkit.gateway.apply import ROOT, settings_of
from tests.consul import Consul
from tests.ports import wait_for
from tests.toolkit.gateway.conftest import Gateway

PLACES = {"PAGES_URL": "http://pages:8046", "FORWARD_AUTH_URL": "http://traefik:8081/internal/auth"}


def strangler(consul_url: str, *arguments: str, **environment: str) -> str:
    done = CliRunner().invoke(app, [*arguments], env=PLACES | {"CONSUL_URL": consul_url} | environment)
    assert done.exit_code == 0, done.output
    return done.output


def test_clients_behind_a_proxy_are_counted_by_the_address_that_it_says(behind_a_proxy: Gateway) -> None:
    gateway = behind_a_proxy

    def ask(forwarded: str) -> requests.Response:
        headers = {"X-Forwarded-For": forwarded}
        return requests.get(f"{gateway.url}/api/categories", headers=headers, timeout=5)

    host = gateway.host("monolith", "catalog")
    host.start()
    try:
        gateway.write(1)
        wait_for(lambda: ask("10.0.0.1").status_code == 200)
        for name, value in (("proxies", "1"), ("rate_limit_burst", "1"), ("rate_limit_average", "1")):
            strangler(gateway.store.url, "config", "set", "gateway", name, value)

        wait_for(lambda: ask("10.0.0.2").status_code == 429)
        assert ask("10.0.0.3").status_code == 200
        # What a client says of itself stands before what the proxy says of it.
        numbers = count(1)
        wait_for(lambda: ask(f"10.1.0.{next(numbers)}, 10.0.0.4").status_code == 429)
        told = ask("10.0.0.6").json()["headers"]["x-forwarded-for"]
        assert told == "10.0.0.6, 127.0.0.1"
    finally:
        host.stop()


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
