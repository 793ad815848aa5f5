"""The books that must agree: the clients' journal, the hosts' databases, the PSP's charges, the mails."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from tests.traffic.journal import (
    AdjustAnswered,
    AdjustSent,
    AnyEntry,
    CancelAnswered,
    CancelSent,
    CheckoutAnswered,
    CheckoutSent,
    CreateAnswered,
    CreateSent,
    EditAnswered,
    EditSent,
)

Kind = TypeVar("Kind", bound=AnyEntry)


class OrderLine(msgspec.Struct):
    product: int
    quantity: int
    price: Decimal
    total: Decimal


class Order(msgspec.Struct):
    """An order in the shop's database; `user` is an e-mail address, `key` the idempotency key it was placed
    under."""

    number: str
    user_id: int
    user: str
    status: str
    total: Decimal
    currency: str
    key: str
    lines: list[OrderLine]


class Payment(msgspec.Struct):
    """A payment in the shop's database; `refunded` is the sum of its refunds, `refunds` their number."""

    order: str
    reference: str
    status: str
    amount: Decimal
    currency: str
    refunded: Decimal = Decimal(0)
    refunds: int = 0


class Charge(msgspec.Struct):
    """A charge at the PSP: `captured`, `refunded`, `voided` or `declined`."""

    key: str
    reference: str
    status: str
    amount: Decimal
    currency: str


class Stock(msgspec.Struct):
    """Pieces of a product."""

    product: int
    on_hand: int
    reserved: int


class Movement(msgspec.Struct):
    """A change of what is on hand."""

    product: int
    delta: int
    order: str
    reason: str


class Product(msgspec.Struct):
    """A product in the catalogue of the host that owns it."""

    id: int
    sku: str
    name: str
    price: Decimal
    currency: str
    category: str
    active: bool
    description: str


class Opening(msgspec.Struct):
    """What there was before any traffic: products by id, and how many pieces of each."""

    products: dict[int, Product]
    stock: dict[int, int]


class Notification(msgspec.Struct):
    """A message to a customer in the database of the host that owns notifications."""

    id: int
    user_id: int
    order: str
    kind: str
    email: str
    subject: str
    body: str
    sent: bool

    @property
    def message_id(self) -> str:
        return f"<notification-{self.id}@shop.example>"


class Mail(msgspec.Struct):
    """A mail that the SMTP sink took."""

    message_id: str
    recipient: str
    subject: str
    body: str


class Discrepancy(msgspec.Struct):
    """Something that does not agree: which check found it, what it is, and the rows it concerns."""

    check: str
    what: str
    rows: list[Any]


class Books(msgspec.Struct, dict=True):
    """All of it, as it was read at one time. Each of the `kills` of a process may have sent a mail again."""

    opening: Opening
    journal: list[AnyEntry]
    orders: list[Order]
    payments: list[Payment]
    charges: list[Charge]
    stock: list[Stock]
    movements: list[Movement]
    products: list[Product]
    notifications: list[Notification]
    mails: list[Mail]
    kills: int = 0

    @cached_property
    def orders_by_number(self) -> dict[str, Order]:
        return {order.number: order for order in self.orders}

    @cached_property
    def orders_by_key(self) -> dict[str, list[Order]]:
        return _grouped(self.orders, "key")

    @cached_property
    def payments_by_order(self) -> dict[str, list[Payment]]:
        return _grouped(self.payments, "order")

    @cached_property
    def movements_by_order(self) -> dict[str, list[Movement]]:
        return _grouped((m for m in self.movements if m.order), "order")

    @cached_property
    def movements_by_reason(self) -> dict[str, list[Movement]]:
        return _grouped((m for m in self.movements if not m.order), "reason")

    def entries(self, kind: type[Kind]) -> list[Kind]:
        return [entry for entry in self.journal if isinstance(entry, kind)]

    @cached_property
    def sent(self) -> dict[str, CheckoutSent]:
        return {entry.key: entry for entry in self.entries(CheckoutSent)}

    @cached_property
    def answers(self) -> dict[str, list[CheckoutAnswered]]:
        return _grouped(self.entries(CheckoutAnswered), "key")

    @cached_property
    def cancels_sent(self) -> set[str]:
        return {entry.number for entry in self.entries(CancelSent)}

    @cached_property
    def cancels(self) -> dict[str, CancelAnswered]:
        return {entry.number: entry for entry in self.entries(CancelAnswered)}

    @cached_property
    def adjusts_sent(self) -> dict[str, AdjustSent]:
        return {entry.reason: entry for entry in self.entries(AdjustSent)}

    @cached_property
    def adjusts(self) -> dict[str, AdjustAnswered]:
        return {entry.reason: entry for entry in self.entries(AdjustAnswered)}

    @cached_property
    def products_by_id(self) -> dict[int, Product]:
        return {product.id: product for product in self.products}

    @cached_property
    def products_by_sku(self) -> dict[str, list[Product]]:
        return _grouped(self.products, "sku")

    @cached_property
    def mails_by_id(self) -> dict[str, list[Mail]]:
        return _grouped(self.mails, "message_id")

    @cached_property
    def edits(self) -> dict[int, list[EditSent | EditAnswered]]:
        """What staff sent and was told of each product's description, in order."""
        found: dict[int, list[EditSent | EditAnswered]] = defaultdict(list)
        for entry in self.journal:
            if isinstance(entry, EditSent | EditAnswered):
                found[entry.product].append(entry)
        return found

    @cached_property
    def creates_sent(self) -> dict[str, CreateSent]:
        return {entry.sku: entry for entry in self.entries(CreateSent)}

    @cached_property
    def creates(self) -> dict[str, CreateAnswered]:
        return {entry.sku: entry for entry in self.entries(CreateAnswered)}


def _grouped(rows: Iterable[Any], attribute: str) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, attribute)].append(row)
    return dict(groups)
