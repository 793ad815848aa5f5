"""The settings that hosts have in common."""

import pytest

from strangler.chassis.django import host_settings


@pytest.mark.parametrize(
    ("package", "app"), [("shop", "shop.billing"), ("a.b", "a.b.billing"), ("", "billing")]
)
def test_domains_are_apps_of_a_package_or_of_none(
    package: str, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strangler.chassis.routes.register", lambda: None)  # This process's are registered.
    monkeypatch.setenv("DATABASE_URL", "postgresql://x@127.0.0.1:1/x")
    settings = host_settings(
        package=package, domains=["billing"], urls="", wsgi="", title="", jwks_port="", issuer=""
    )
    assert settings["INSTALLED_APPS"][-1] == app
