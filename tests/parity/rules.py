"""What two shops that behave alike may differ in."""

from pathlib import Path

from strangler.toolkit.parity import Identifier, Rules
from strangler.toolkit.parity.rules import HOP_BY_HOP
from strangler.toolkit.plan import load

PLAN = Path(__file__).parents[2] / "migrations-plan" / "plan.yaml"

RULES = Rules(
    identifiers=[
        Identifier(kind="user", at="id", on="^/api/(auth/register|me)$"),
        Identifier(kind="user", at="claims.sub"),
        Identifier(kind="address", at="id", on="^/api/me/addresses"),
        Identifier(kind="product", at="id", on="^/api/products"),
        Identifier(kind="product", at="products.id"),
        Identifier(kind="product", at="product"),
        Identifier(kind="notification", at="id", on="^/api/notifications"),
        Identifier(kind="notification", at="notifications.id"),
        Identifier(kind="order", at="number"),
        Identifier(kind="order", at="payments.order"),
        Identifier(kind="reference", at="reference"),
        # Of its salted hash: each new password has another, which every refresh token until the next carries.
        Identifier(kind="password", at="claims.password"),
        Identifier(kind="signing key", at="header.kid"),
        Identifier(kind="signing key", at="keys.kid"),
        Identifier(kind="modulus", at="keys.n"),
    ],
    texts=[
        r"^lines\.(?P<product>\d+)$",
        r"\b(?P<order>[0-9A-HJKMNP-TV-Z]{12})\b",
        r"/api/(?:products|stock)/(?P<product>\d+)",
    ],
    times=frozenset({"created_at"}),
    tokens=frozenset({"access", "refresh"}),
    routes=[route.path for route in load(PLAN).routes(stage=0)],
    # The gateway's own: what it traces by, and headers that browsers heed.
    ignored_headers=HOP_BY_HOP | {"x-request-id", "traceparent", "tracestate", "vary"},
)
