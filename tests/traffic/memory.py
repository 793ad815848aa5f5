"""What a customer knows, and whether an answer agrees with it.

A check takes an answer's status and body and says what is wrong with it, or nothing. It knows neither Locust
nor HTTP, so that tests plant any answer. A body of another shape makes it raise; `judge` counts it as failed.
"""

import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from tests.traffic.calls import Check, Degraded

SEEDED, SCARCE, PLENTY = 1000, 25, 1000
"""Of every 25th of the seeded products there is little or nothing, of the others more than anybody buys."""

CATEGORIES = 12
RECENT = 10
"""So many of a customer's last orders and messages are looked for on the first page."""

TOLD_SECONDS = 30.0
"""How long after an order the customer is told of it, at most."""


class Products:
    """What products were first seen as, by anybody. Staff change nothing but descriptions."""

    def __init__(self) -> None:
        self.first: dict[int, tuple[str, str, str]] = {}

    def differs(self, number: int, row: dict[str, Any]) -> str:
        """What has changed of a product in a page, a cart or an order."""
        seen = (row["sku"], row["name"], row["price"])
        first = self.first.setdefault(number, seen)
        return "" if seen == first else f"product {number} was {first}, is {seen}"

    def on_sale(self, row: dict[str, Any]) -> str:
        """A product as the catalogue shows it, with what is available of it."""
        return self.differs(row["id"], row) or _available(row["id"], row["available"])

    def product(self, number: int) -> Check:
        """The product that was asked for."""
        return lambda _, body: self.on_sale(body) if body["id"] == number else f"not product {number}: {body}"

    def page(self, size: int) -> Check:
        """A full page of different products."""

        def check(_: int, body: Any) -> str:
            numbers = {row["id"] for row in body["results"]}
            if not size == len(body["results"]) == len(numbers) or body["count"] < SEEDED:
                return f"{len(numbers)} of {body['count']} products instead of {size}"
            return _first(map(self.on_sale, body["results"]))

        return check

    def search(self, word: str, max_price: int) -> Check:
        """Products that have the word and cost no more."""

        def check(_: int, body: Any) -> str:
            rows = body["results"]
            if bool(rows) != bool(body["count"]):
                return f"{len(rows)} of {body['count']} products"
            for row in rows:
                text = f"{row['sku']} {row['name']} {row['description']}".lower()
                if word not in text or Decimal(row["price"]) > max_price:
                    return f"not “{word}” up to {max_price}: {row}"
            return _first(map(self.on_sale, rows))

        return check

    def edited(self, number: int, text: str) -> Check:
        """The product with its new description."""

        def check(status: int, body: Any) -> str:
            wrong = "" if body["description"] == text else f"not what was sent: {body}"
            return wrong or self.product(number)(status, body)

        return check

    def lines(self, body: dict[str, Any]) -> str:
        """A cart's or an order's lines have the catalogue's prices and add up."""
        total = Decimal(0)
        for line in body["lines"]:
            amount = Decimal(line["total"])
            total += amount
            if amount != Decimal(line["price"]) * line["quantity"]:
                return f"a line does not add up: {line}"
        wrong = "" if Decimal(body["total"]) == total else f"the lines come to {total}: {body}"
        return wrong or _first(self.differs(line["product"], line) for line in body["lines"])


class Memory:
    """What one customer has in the cart (None: unknown), has ordered, and is to be told of."""

    def __init__(self, products: Products, clock: Callable[[], float] = time.monotonic) -> None:
        self.products = products
        self.clock = clock
        self.cart: dict[int, int] | None = None
        self.orders: dict[str, dict[str, Any]] = {}
        self.announced: dict[str, float] = {}

    def remember(self, order: dict[str, Any]) -> None:
        """This is what was acknowledged, and when."""
        self.orders[order["number"]] = order
        cancelled = " is cancelled" if order["status"] == "cancelled" else ""
        self.announced.setdefault(f"Your order {order['number']}{cancelled}", self.clock())

    def confirmed(self) -> list[str]:
        return [number for number, order in self.orders.items() if order["status"] == "confirmed"]

    # -- the cart and its checkout -------------------------------------------------------------------

    def cart_with(self, changed: dict[int, int]) -> Check:
        """The cart, with so many pieces of these products since."""
        known = None if self.cart is None else _filled({**self.cart, **changed})

        def check(_: int, body: Any) -> str:
            found = contents(body)
            if found != (_filled({**found, **changed}) if known is None else known):
                return f"the cart holds {found} instead of {known} with {changed}"
            return self.products.lines(body)

        return check

    def bought(self) -> Check:
        """The cart as a confirmed and paid order, or that something of it is sold out."""
        cart = self.cart

        def check(status: int, body: Any) -> str:
            if status != 201:
                return sold_out(cart)(status, body)
            if body["status"] != "confirmed" or body["payment"]["status"] != "captured" or not body["lines"]:
                return f"no confirmed order: {body}"
            if cart is not None and contents(body) != cart:
                return f"not the cart, {cart}: {body}"
            return self.products.lines(body)

        return check

    def declined(self) -> Check:
        """The bank says no, or something of the cart is sold out."""
        cart = self.cart
        return lambda status, body: (refused("payment_declined") if status == 402 else sold_out(cart))(
            status, body
        )

    # -- what was ordered ----------------------------------------------------------------------------

    def order(self, number: str) -> Check:
        """The order that was asked for, as it was told last."""
        told = self.orders[number]
        return lambda _, body: _changed(told, body) or _paid(told, body["payment"])

    def cancelled(self, number: str) -> Check:
        """The order that was asked for, cancelled, and its money is back."""
        told = {**self.orders[number], "status": "cancelled"}
        return lambda _, body: _changed(told, body) or _paid(told, body["payment"])

    def overview(self, number: str) -> Check:
        """All of the order's parts; one that is missing is named."""
        told = self.orders[number]

        def check(status: int, body: Any) -> str:
            parts = {"payments", "products", "notifications"}
            missing = {part for part in parts if body[part] is None}
            if missing != set(body["degraded"]):
                return f"{missing} is missing, {body['degraded']} is named"
            if missing:
                return _changed(told, body["order"]) or Degraded(f"degraded: {body['degraded']}")
            wanted = {line["product"] for line in told["lines"]}
            if {row["id"] for row in body["products"]} != wanted:
                return f"not the products {wanted}: {body['products']}"
            return (
                _changed(told, body["order"])
                or self.payments(number)(status, {"results": body["payments"]})
                or _first(self.products.differs(row["id"], row) for row in body["products"])
                or self._untold(body["notifications"], about=number)
            )

        return check

    def payments(self, number: str) -> Check:
        """The order's one payment."""
        told = self.orders[number]

        def check(_: int, body: Any) -> str:
            (payment,) = body["results"]
            if (payment["amount"], payment["currency"]) != (told["total"], told["currency"]):
                return f"not {told['total']}: {payment}"
            return _paid(told, payment)

        return check

    def own_orders(self, _: int, body: Any) -> str:
        """Everything that was acknowledged; the last orders are looked at."""
        found = {order["number"]: order for order in body["results"]}
        recent = list(self.orders.values())[-RECENT:]
        if body["count"] < len(self.orders):
            return f"{body['count']} orders instead of {len(self.orders)}"
        return _first(
            _changed(told, found.get(told["number"])) or _paid(told, found[told["number"]]["payment"])
            for told in recent
        )

    def notifications(self, _: int, body: Any) -> str:
        """What was to be told by now."""
        return self._untold(body["results"])

    def _untold(self, rows: list[dict[str, Any]], *, about: str = "") -> str:
        due = self.clock() - TOLD_SECONDS
        wanted = [text for text, since in self.announced.items() if since < due and about in text]
        missing = set(wanted[-RECENT:]) - {row["subject"] for row in rows}
        return Degraded(f"not told yet: {sorted(missing)}") if missing else ""


def refused(code: str) -> Check:
    """An error with this code."""

    def check(_: int, body: Any) -> str:
        found = {error["code"] for error in body["errors"]}
        return "" if found == {code} else f"{sorted(found)} instead of {code}"

    return check


def sold_out(cart: dict[int, int] | None, *, of: int = 0) -> Check:
    """Too little stock, and the answer says of what: of scarce products in the cart, and of this one."""

    def check(status: int, body: Any) -> str:
        named = {int(error["attr"].removeprefix("lines.")) for error in body["errors"]}
        wrong = [p for p in named if p % SCARCE or (cart is not None and p not in cart)]
        if wrong or (of and of not in named):
            return f"{sorted(named)} cannot be what is sold out of {cart}"
        return refused("insufficient_stock")(status, body)

    return check


def stock(number: int) -> Check:
    """Stock of the product asked for: what is available is what is on hand and not reserved."""

    def check(_: int, body: Any) -> str:
        on_hand, reserved, available = body["on_hand"], body["reserved"], body["available"]
        if body["product"] != number or available != on_hand - reserved or min(on_hand, reserved) < 0:
            return f"the figures of product {number} do not add up: {body}"
        return _available(number, available)

    return check


def adjusted(number: int) -> Check:
    """The new stock, or that a scarce product has too little to take any out."""
    return lambda status, body: (stock(number) if status == 200 else sold_out({number: 1}))(status, body)


def made(sent: dict[str, Any], *, unique: str) -> Check:
    """What was sent; or, for a request made again, that somebody has this unique value: oneself."""

    def check(status: int, body: Any) -> str:
        if status == 400:
            found = [(error["code"], error["attr"]) for error in body["errors"]]
            return "" if found == [("unique", unique)] else f"not that {unique} is taken: {found}"
        wrong = [name for name in sent if name != "password" and body[name] != sent[name]]
        return f"{wrong} not as sent: {body}" if wrong else ""

    return check


def categories(_: int, body: Any) -> str:
    """All of them."""
    found = {row["slug"] for row in body["results"]}
    return "" if body["count"] == len(found) == CATEGORIES else f"{len(found)} of {body['count']} categories"


def contents(body: dict[str, Any]) -> dict[int, int]:
    """The pieces of each product in a cart or an order."""
    return {line["product"]: line["quantity"] for line in body["lines"]}


def _available(number: int, available: int | None) -> str:
    if available is None:
        return Degraded(f"what is available of product {number} is left open")
    least = PLENTY if number <= SEEDED and number % SCARCE else 0
    return "" if available >= least else f"{available} available of product {number}"


def _changed(told: dict[str, Any], body: Any) -> str:
    """How an order differs from what was told."""
    names = ("number", "status", "total", "currency", "lines")
    same = body is not None and all(body[name] == told[name] for name in names)
    return "" if same else f"order {told['number']} was {told}, is {body}"


def _paid(told: dict[str, Any], payment: dict[str, Any]) -> str:
    """How an order's payment differs from what was told; the provider may be away when it is to refund."""
    if payment["reference"] != told["payment"]["reference"]:
        return f"not the payment {told['payment']}: {payment}"
    wanted = "refunded" if told["status"] == "cancelled" else "captured"
    if payment["status"] == wanted:
        return ""
    wrong = f"the payment of a {told['status']} order is {payment['status']}"
    return Degraded(wrong) if payment["status"] == "captured" else wrong


def _filled(cart: dict[int, int]) -> dict[int, int]:
    return {product: quantity for product, quantity in cart.items() if quantity}


def _first(wrongs: Iterable[str]) -> str:
    return next(filter(None, wrongs), "")
