"""The monolith's Django settings: which domains it hosts."""

import os

from strangler.chassis.django import host_settings

MOVES_AT = {
    "accounts": 7,
    "catalog": 3,
    "inventory": 4,
    "orders": 6,
    "payments": 5,
    "notifications": 2,
}
"""Every domain, and the stage from which on another host has it; migrations-plan/plan.yaml says the same."""

STAGE = int(os.environ.get("STAGE") or 0)
DOMAINS = [domain for domain, stage in MOVES_AT.items() if stage > STAGE]
ELSEWHERE = [domain for domain in MOVES_AT if domain not in DOMAINS]

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
