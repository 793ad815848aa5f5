"""Journeys through cart, checkout and orders: as it should go, and each way in which it may fail."""

from typing import Any

from strangler.toolkit.parity import Journey, Taken
from tests.parity.world import World


def told(count: int) -> Any:
    """Whether the customer has been told so many things."""
    return lambda body: len(body.get("results", [])) == count


def look_around(world: World, order: Taken, customer: int = 0) -> None:
    """Everything that can be seen of an order."""
    number = order["number"]
    world.call("GET", f"/api/orders/{number}", who=customer, expect=200)
    world.call("GET", "/api/orders", who=customer, expect=200)
    world.call("GET", "/api/payments", who=customer, query={"order": number}, expect=200)
    world.call("GET", "/api/cart", who=customer, expect=200)


def see_overview(world: World, order: Taken, messages: int, customer: int = 0) -> None:
    world.call("GET", "/api/notifications", who=customer, until=told(messages), expect=200)
    world.call(
        "GET",
        f"/api/orders/{order['number']}/overview",
        who=customer,
        until=lambda body: len(body.get("notifications") or []) == messages,
        expect=200,
    )


def fill_a_cart(journey: Journey) -> None:
    world = World(journey)
    lamp, cup = world.product(0), world.product(1)
    world.call("GET", "/api/cart", who=0, expect=200)
    world.put(0, cup, 3)
    world.put(0, lamp, 2)
    world.put(0, cup, 999)
    world.call("GET", "/api/cart", who=1, expect=200)
    world.put(0, lamp, 0)
    world.put(0, lamp, 0)
    quantity: Any
    for quantity in (-1, 1000, "many", 1.5, None, True, 2**63, [], "7"):
        world.call("PUT", f"/api/cart/lines/{cup}", who=0, json={"quantity": quantity})
    world.call("PUT", f"/api/cart/lines/{cup}", who=0, json={}, expect=400)
    world.put(0, 999999999, 1, expect=404)
    world.call(
        "PATCH", f"/api/products/{cup}", who="staff", json={"price": "5.00", "name": "Mug"}, expect=200
    )
    world.call("GET", "/api/cart", who=0, expect=200)
    world.call("DELETE", f"/api/products/{cup}", who="staff", expect=204)
    world.call("GET", "/api/cart", who=0, expect=200)
    world.put(0, cup, 1, expect=404)


def buy(journey: Journey) -> None:
    world = World(journey)
    lamp, cup = world.product(0), world.product(1)
    world.put(0, lamp, 2)
    world.put(0, cup, 2)
    order = world.checkout(0)
    look_around(world, order)
    see_overview(world, order, 1)
    journey.call("GET", f"/api/stock/{lamp}", expect=200)
    world.call(
        "PATCH", f"/api/products/{lamp}", who="staff", json={"price": "1.00", "name": "New"}, expect=200
    )
    look_around(world, order)
    see_overview(world, order, 1)
    second = world.order(key="second")
    look_around(world, second)
    world.call("GET", "/api/orders", who=0, query={"page_size": "1"}, expect=200)
    world.call("GET", "/api/orders", who=0, query={"page_size": "1", "page": "2"}, expect=200)
    world.call("GET", "/api/orders", who=0, query={"page": "7"}, expect=404)


def cancel(journey: Journey) -> None:
    world = World(journey)
    order = world.order(quantity=3)
    path = f"/api/orders/{order['number']}/cancel"
    world.call("POST", path, who=0, expect=200)
    world.call("POST", path, who=0, expect=200)
    look_around(world, order)
    see_overview(world, order, 2)
    journey.call("GET", f"/api/stock/{world.product(0)}", expect=200)
    world.order(quantity=5, key="all")


def not_yours(journey: Journey) -> None:
    world = World(journey)
    order = world.order()
    number = order["number"]
    for who in (1, "staff"):
        world.call("GET", f"/api/orders/{number}", who=who, expect=404)
        world.call("POST", f"/api/orders/{number}/cancel", who=who, expect=404)
        world.call("GET", f"/api/orders/{number}/overview", who=who, expect=404)
        world.call("GET", "/api/payments", who=who, query={"order": number}, expect=200)
    world.call("GET", "/api/orders", who=1, expect=200)
    world.call("GET", "/api/notifications", who=1, expect=200)
    for odd in ("NOSUCHORDER0", "x" * 65, "a%20b", "1'%20OR%20'1'='1", "%00"):
        world.call("GET", f"/api/orders/{odd}", who=0, expect=404)
    world.call("GET", "/api/payments", who=0, expect=400)
    world.call("GET", "/api/payments", who=0, query={"order": "x" * 65}, expect=400)
    world.call("GET", "/api/payments", who=0, query={"order": "NOSUCHORDER0"}, expect=200)
    look_around(world, order)


def declined(journey: Journey) -> None:
    world = World(journey)
    world.put(0, world.product(0), 2)
    world.checkout(0, token="tok_declined", expect=402)
    world.checkout(0, token="tok_declined", expect=402)
    world.checkout(0, token="tok_unknown", key="other", expect=402)
    journey.call("GET", f"/api/stock/{world.product(0)}", expect=200)
    world.call("GET", "/api/orders", who=0, expect=200)
    order = world.checkout(0, key="again")
    look_around(world, order)
    see_overview(world, order, 1)


def sold_out(journey: Journey) -> None:
    world = World(journey)
    lamp, cup, chair = (world.product(number) for number in range(3))
    world.put(0, cup, 3)
    world.put(0, lamp, 1)
    world.put(0, chair, 1)
    world.checkout(0, expect=409)
    world.checkout(0, expect=409)
    world.adjust(chair, 1)
    world.adjust(cup, 1)
    world.checkout(0, expect=409)
    order = world.checkout(0, key="restocked")
    look_around(world, order)
    world.put(1, chair, 1)
    world.checkout(1, expect=409)
    for product in (lamp, cup, chair):
        journey.call("GET", f"/api/stock/{product}", expect=200)


def empty_cart(journey: Journey) -> None:
    world = World(journey)
    world.checkout(0, expect=409)
    world.put(0, world.product(0), 1)
    world.checkout(0, expect=409)
    world.checkout(0, key="filled")
    world.checkout(0, key="emptied", expect=409)


def withdrawn(journey: Journey) -> None:
    world = World(journey)
    lamp, cup = world.product(0), world.product(1)
    world.put(0, lamp, 1)
    world.put(0, cup, 1)
    world.call("DELETE", f"/api/products/{lamp}", who="staff", expect=204)
    world.checkout(0, expect=409)
    journey.call("GET", f"/api/stock/{cup}", expect=200)
    world.put(0, lamp, 0)
    order = world.checkout(0, key="without")
    world.call("DELETE", f"/api/products/{cup}", who="staff", expect=204)
    look_around(world, order)
    see_overview(world, order, 1)


def repeated_key(journey: Journey) -> None:
    world = World(journey)
    order = world.order(quantity=2)
    world.checkout(0)
    world.checkout(0)
    world.put(0, world.product(0), 1)
    world.checkout(0)
    world.checkout(0, token="tok_declined", expect=422)
    world.checkout(0, address=999999999, expect=422)
    world.put(1, world.product(0), 1)
    world.checkout(1)
    world.call("POST", f"/api/orders/{order['number']}/cancel", who=0, expect=200)
    world.checkout(0)
    look_around(world, order)
    see_overview(world, order, 2)


def malformed_checkout(journey: Journey) -> None:
    world = World(journey)
    world.put(0, world.product(0), 1)
    good = {"payment_token": "tok_ok", "address": world.address(0)}
    key = {"Idempotency-Key": f"{world.name}-m"}
    world.call("POST", "/api/checkout", who=0, json=good, expect=400)
    for odd in ("", "x" * 256, "white space", "ü"):
        headers = {"Idempotency-Key": odd}
        world.call("POST", "/api/checkout", who=0, json=good, headers=headers, expect=400)
    change: Any
    for change in (
        {"payment_token": None},
        {"payment_token": ""},
        {"payment_token": "x" * 256},
        {"payment_token": 5.5},
        {"payment_token": []},
        {"payment_token": "a\x00b"},
        {"address": None},
        {"address": "home"},
        {"address": 0},
        {"address": -1},
        {"address": 2**63},
        {"address": 1.5},
        {"address": world.address(1)},
    ):
        body = {**good, **change}
        headers = {"Idempotency-Key": f"{world.name}-{len(journey.exchanges)}"}
        world.call("POST", "/api/checkout", who=0, json=body, headers=headers)
    for raw in ("", "{", "[]", "null", '"x"', '{"payment_token": NaN}', "\ud800", "[" * 5000):
        world.call("POST", "/api/checkout", who=0, body=raw, headers=key, expect=400)
    form = {**key, "Content-Type": "application/x-www-form-urlencoded"}
    world.call("POST", "/api/checkout", who=0, body="payment_token=tok_ok", headers=form, expect=415)
    world.call("GET", "/api/checkout", who=0, expect=405)
    world.call("GET", "/api/orders", who=0, expect=200)


def provider_twice(journey: Journey) -> None:
    world = World(journey)
    world.put(0, world.product(0), 1)
    order = world.checkout(0, token="tok_twice")
    look_around(world, order)


def provider_down(journey: Journey) -> None:
    world = World(journey)
    world.put(0, world.product(0), 1)
    world.checkout(0, token="tok_error", expect=503)
    world.checkout(0, token="tok_timeout", key="slow", expect=503)
    journey.call("GET", f"/api/stock/{world.product(0)}", expect=200)
    world.call("GET", "/api/orders", who=0, expect=200)
    world.call("GET", "/api/notifications", who=0, expect=200)
    order = world.checkout(0, key="up-again")
    look_around(world, order)


def large_sums(journey: Journey) -> None:
    world = World(journey)
    for number, price in enumerate(("99999999.99", "0.01", "0.00", "1.1")):
        made = world.make_product(sku=f"{world.name}-l{number}", name="Sum", price=price)
        world.adjust(made["id"], 2000)
        world.put(number % 2, made["id"], 999)
    for customer in (0, 1):
        world.call("GET", "/api/cart", who=customer, expect=200)
        order = world.checkout(customer)
        look_around(world, order, customer)


JOURNEYS = {
    "fill a cart": fill_a_cart,
    "buy": buy,
    "cancel": cancel,
    "not yours": not_yours,
    "declined": declined,
    "sold out": sold_out,
    "empty cart": empty_cart,
    "withdrawn": withdrawn,
    "repeated key": repeated_key,
    "malformed checkout": malformed_checkout,
    "provider twice": provider_twice,
    "provider down": provider_down,
    "large sums": large_sums,
}
