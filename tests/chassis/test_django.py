"""The settings that hosts have in common."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from strangler.chassis.django import host_settings


def settings_of_a_host(
    monkeypatch: pytest.MonkeyPatch, *, package: str = "", **options: Any
) -> dict[str, Any]:
    monkeypatch.setattr("strangler.chassis.routes.register", lambda: None)  # This process's are registered.
    monkeypatch.setenv("DATABASE_URL", "postgresql://x@127.0.0.1:1/x")
    return host_settings(
        package=package,
        domains=["billing"],
        urls="",
        wsgi="",
        title="",
        jwks_port="",
        issuer="",
        **options,
    )


@pytest.mark.parametrize(
    ("package", "app"), [("shop", "shop.billing"), ("a.b", "a.b.billing"), ("", "billing")]
)
def test_domains_are_apps_of_a_package_or_of_none(
    package: str, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of_a_host(monkeypatch, package=package)
    assert settings["INSTALLED_APPS"][-1] == app


@pytest.mark.parametrize(
    ("proxies", "gateway", "number"), [("", "", 0), ("", "1", 1), ("1", "", 1), ("1", "0", 1), ("2", "1", 3)]
)
def test_who_says_where_a_request_comes_from(
    proxies: str, gateway: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody but those who are told of: hosts without a gateway have a Consul too."""
    monkeypatch.setenv("CONSUL_URL", "http://consul:8500")
    monkeypatch.setenv("PROXIES", proxies)
    monkeypatch.setenv("BEHIND_GATEWAY", gateway)
    assert settings_of_a_host(monkeypatch)["REST_FRAMEWORK"]["NUM_PROXIES"] == number


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("PROXIES", "10.0.0.1", "say how many"), ("BEHIND_GATEWAY", "traefik", "say 1")],
)
def test_those_in_front_are_told_wrongly(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=says):
        settings_of_a_host(monkeypatch)


def test_a_request_is_a_transaction_where_the_host_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of_a_host(monkeypatch)["DATABASES"]["default"]["ATOMIC_REQUESTS"] is False
    own = settings_of_a_host(monkeypatch, atomic_requests=True)
    assert own["DATABASES"]["default"]["ATOMIC_REQUESTS"] is True
