"""Journeys of staff: products made, changed, withdrawn; stock counted."""

from typing import Any

from strangler.toolkit.parity import Journey
from tests.parity.world import World


def manage_products(journey: Journey) -> None:
    world = World(journey)
    made = world.make_product(sku=f"{world.name}-a", name="Pan", price="10")
    product = made["id"]
    path = f"/api/products/{product}"
    journey.call("GET", path, expect=200)
    journey.call("GET", f"/api/stock/{product}", expect=200)
    body: Any
    for body in (
        {"price": "12.5"},
        {"price": 3},
        {"price": "0.00"},
        {"name": "Pot", "description": "", "unknown": 1},
        {"currency": "EUR"},
        {},
    ):
        world.call("PATCH", path, who="staff", json=body, expect=200)
    for body in (
        {"price": "1.234"},
        {"price": "-1"},
        {"price": "NaN"},
        {"price": "Infinity"},
        {"price": "100000000.00"},
        {"price": None},
        {"name": ""},
        {"name": "x" * 151},
        {"currency": "USD"},
        {"currency": "euro"},
        {"category": "no-such"},
        {"category": 5},
        {"sku": "white space"},
        {"description": None},
        {"name": "a\x00b"},
        [],
        "text",
    ):
        world.call("PATCH", path, who="staff", json=body, expect=400)
    world.make_product(sku=f"{world.name}-b", name="Lid", price="1.00")
    world.call("PATCH", path, who="staff", json={"sku": f"{world.name}-b"}, expect=400)
    taken = {"sku": f"{world.name}-b", "name": "Lid", "price": "1.00", "category": "kitchen"}
    world.call("POST", "/api/products", who="staff", json=taken, expect=400)
    world.call("POST", "/api/products", who="staff", json={}, expect=400)
    journey.call("GET", "/api/products", query={"search": world.name}, expect=200)
    world.call("DELETE", path, who="staff", expect=204)
    for method in ("GET", "PATCH", "DELETE"):
        world.call(method, path, who="staff", expect=404)
    journey.call("GET", "/api/products", query={"search": world.name}, expect=200)
    world.call("DELETE", "/api/products/999999999", who="staff", expect=404)
    world.call("POST", "/api/products", who="staff", json={**taken, "sku": f"{world.name}-a"})


def count_stock(journey: Journey) -> None:
    world = World(journey)
    product = world.product(0)
    path = f"/api/stock/{product}/adjust"
    world.adjust(product, 10)
    world.adjust(product, -15)
    world.adjust(product, -1, expect=409)
    world.adjust(product, 0, expect=400)
    journey.call("GET", f"/api/stock/{product}", expect=200)
    for body in (
        {},
        {"delta": 1},
        {"delta": "many", "reason": "x"},
        {"delta": 1.5, "reason": "x"},
        {"delta": 2**31, "reason": "x"},
        {"delta": 2**63, "reason": "x"},
        {"delta": None, "reason": "x"},
        {"delta": 1, "reason": ""},
        {"delta": 1, "reason": "x" * 201},
        {"delta": 1, "reason": "a\x00b"},
    ):
        world.call("POST", path, who="staff", json=body, expect=400)
    world.adjust(product, 10**9 + 1, expect=400)
    world.adjust(product, 10**9)
    world.adjust(product, 1, expect=400)
    world.adjust(999999999, 1, expect=404)
    journey.call("GET", f"/api/products/{product}", expect=200)


JOURNEYS = {"manage products": manage_products, "count stock": count_stock}
