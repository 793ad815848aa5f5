"""The monolith's Django settings: which domains it hosts."""

from strangler.chassis.django import host_settings

DOMAINS = ["accounts", "catalog", "inventory", "orders", "payments", "notifications"]

globals().update(
    host_settings(
        package="shop",
        domains=DOMAINS,
        urls="monolith.urls",
        wsgi="monolith.wsgi.application",
        title="Shop",
        user_model="accounts.User",
        jwks_port="contracts.accounts.accounts",
        issuer="shop",
        admin=True,
    )
)
