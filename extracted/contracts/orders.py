"""Orders: carts, checkout and what became of it."""

from decimal import Decimal
from typing import ClassVar

import msgspec

from strangler.chassis.events import Event
from strangler.chassis.ports import Port, query


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line with the name and price that were valid at checkout."""

    product: int
    sku: str
    name: str
    price: Decimal
    quantity: int
    total: Decimal


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order; `status` is `confirmed` or `cancelled`."""

    number: str
    user: int
    status: str
    total: Decimal
    currency: str
    lines: list[OrderLine]


class OrderPlaced(Event, frozen=True, kw_only=True):
    """An order was paid for and confirmed."""

    TYPE: ClassVar[str] = "orders.order_placed"
    KEY: ClassVar[str] = "number"
    number: str
    user: int
    email: str
    total: Decimal
    currency: str


class OrderCancelled(Event, frozen=True, kw_only=True):
    """A confirmed order was cancelled by its customer."""

    TYPE: ClassVar[str] = "orders.order_cancelled"
    KEY: ClassVar[str] = "number"
    number: str
    user: int
    email: str
    total: Decimal
    currency: str


class Orders(Port):
    """The port of what was bought."""

    domain = "orders"

    @query(batched=True)
    def orders(self, *, numbers: list[str]) -> dict[str, Order]:
        """These orders by number; unknown numbers are left out."""


orders = Orders()
