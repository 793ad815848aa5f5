"""Journeys through accounts: registering, logging in, one's own data, and every way to be refused."""

import time
from typing import Any

from strangler.toolkit.parity import Journey
from tests.parity.world import FORGED, PASSWORD, World
from tests.ports import wait_for

MINUTE = 60.0
ATTEMPTS_SECONDS = 10.0
"""More than the attempts take that a minute allows."""


def register(journey: Journey) -> None:
    world = World(journey)
    email = world.email(9)
    account = {"email": email.upper(), "password": PASSWORD, "name": "Ada"}
    journey.call("POST", "/api/auth/register", json=account, expect=201)
    journey.call("POST", "/api/auth/register", json=account, expect=400)
    for change in (
        {"email": "no address"},
        {"email": None},
        {"password": "short"},
        {"password": 12345678},
        {"name": ""},
        {"name": "x" * 151},
        {"name": ["Ada"]},
    ):
        body = {**account, "email": f"other-{email}", **change}
        journey.call("POST", "/api/auth/register", json=body)
    journey.call("POST", "/api/auth/register", json={}, expect=400)
    journey.call("POST", "/api/auth/register", json=[], expect=400)
    journey.call("POST", "/api/auth/register", body="{", expect=400)
    journey.call("GET", "/api/auth/register", expect=405)


def log_in(journey: Journey) -> None:
    world = World(journey)
    login = world.login(0)
    email = world.email(0)
    journey.call("POST", "/api/auth/token/refresh", json={"refresh": login["refresh"]}, expect=200)
    journey.call("POST", "/api/auth/token/refresh", json={"refresh": login["access"]}, expect=401)
    journey.call("POST", "/api/auth/token/refresh", json={"refresh": "x.y.z"}, expect=401)
    journey.call("POST", "/api/auth/token/refresh", json={}, expect=400)
    journey.call("POST", "/api/auth/token", json={"email": email, "password": "wrong"}, expect=401)
    unknown = {"email": f"nobody-{email}", "password": PASSWORD}
    journey.call("POST", "/api/auth/token", json=unknown, expect=401)
    journey.call("POST", "/api/auth/token", json={"email": email}, expect=400)
    journey.call("GET", "/.well-known/jwks.json", expect=200)


def throttled_log_in(journey: Journey) -> None:
    email = World(journey).email(0)
    # Attempts are counted by the minute, and both systems must be asked within the same one.
    wait_for(lambda: time.time() % MINUTE < MINUTE - ATTEMPTS_SECONDS, seconds=ATTEMPTS_SECONDS + 5)
    for _ in range(40):
        answer = journey.call("POST", "/api/auth/token", json={"email": email, "password": "wrong"})
        if journey.status(answer) == 429:
            return
    journey.call("POST", "/api/auth/token", json={"email": email, "password": "wrong"}, expect=429)


def me(journey: Journey) -> None:
    world = World(journey)
    world.call("GET", "/api/me", who=0, expect=200)
    world.call("PATCH", "/api/me", who=0, json={"name": "Grace"}, expect=200)
    world.call("PATCH", "/api/me", who=0, json={"email": "x@y.z", "is_staff": True, "x": 1}, expect=200)
    world.call("PATCH", "/api/me", who=0, json={"name": ""}, expect=400)
    world.call("PATCH", "/api/me", who=0, json={"name": None}, expect=400)
    world.call("GET", "/api/me", who=0, expect=200)
    world.call("PUT", "/api/me", who=0, json={}, expect=405)


def addresses(journey: Journey) -> None:
    world = World(journey)
    address = world.address(0)
    world.call("GET", "/api/me/addresses", who=0, expect=200)
    world.call("DELETE", f"/api/me/addresses/{address}", who=1, expect=404)
    body: Any
    for body in ({}, {"name": "A"}, {"country": "LVA"}, {"country": 1}, []):
        world.call("POST", "/api/me/addresses", who=0, json=body, expect=400)
    world.call("DELETE", f"/api/me/addresses/{address}", who=0, expect=204)
    world.call("DELETE", f"/api/me/addresses/{address}", who=0, expect=404)
    world.call("GET", "/api/me/addresses", who=0, query={"page": "2"}, expect=404)


def strangers(journey: Journey) -> None:
    """Every route that needs a user, without one and with tokens that are no good."""
    world = World(journey)
    refresh = world.login(0)["refresh"]
    for method, path in (
        ("GET", "/api/me"),
        ("PATCH", "/api/me"),
        ("GET", "/api/me/addresses"),
        ("POST", "/api/me/addresses"),
        ("DELETE", "/api/me/addresses/1"),
        ("POST", "/api/products"),
        ("PATCH", "/api/products/1"),
        ("DELETE", "/api/products/1"),
        ("POST", "/api/stock/1/adjust"),
        ("GET", "/api/cart"),
        ("PUT", "/api/cart/lines/1"),
        ("POST", "/api/checkout"),
        ("GET", "/api/orders"),
        ("GET", "/api/orders/ABC"),
        ("POST", "/api/orders/ABC/cancel"),
        ("GET", "/api/orders/ABC/overview"),
        ("GET", "/api/payments"),
        ("GET", "/api/notifications"),
    ):
        body: Any = {} if method == "GET" else {"json": {}}
        world.call(method, path, expect=401, **body)
        for token in (FORGED, "", "garbage", refresh):
            world.call(method, path, who=str(token), expect=401, **body)
        world.journey.call(method, path, headers={"Authorization": "Basic YTpi"}, expect=401, **body)


def customers_are_no_staff(journey: Journey) -> None:
    world = World(journey)
    product = world.product(0)
    sku = {"sku": f"{world.name}-x", "name": "X", "price": "1.00", "category": "kitchen"}
    world.call("POST", "/api/products", who=0, json=sku, expect=403)
    world.call("PATCH", f"/api/products/{product}", who=0, json={"price": "0.01"}, expect=403)
    world.call("DELETE", f"/api/products/{product}", who=0, expect=403)
    world.call("POST", f"/api/stock/{product}/adjust", who=0, json={"delta": 1, "reason": "x"}, expect=403)


JOURNEYS = {
    "register": register,
    "log in": log_in,
    "throttled log in": throttled_log_in,
    "me": me,
    "addresses": addresses,
    "strangers": strangers,
    "customers are no staff": customers_are_no_staff,
}
