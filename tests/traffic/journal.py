"""What the clients asked for and what they were told, a JSON line each, in the order it happened.

The journal is the clients' side of the ledger check: it is written before a request leaves and again when its
answer is there, so that a request whose answer never came is known too.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec


class Entry(msgspec.Struct, kw_only=True, tag=True, tag_field="what"):
    """`at`: seconds since the epoch."""

    at: float


class CheckoutSent(Entry):
    """A checkout with this idempotency key was tried, once or more often. `expect`: its payment token."""

    key: str
    user: str
    expect: str


class Line(msgspec.Struct):
    """A line of an acknowledged order."""

    product: int
    quantity: int
    price: Decimal
    total: Decimal


class PaymentSeen(msgspec.Struct):
    """The payment as the order's answer shows it."""

    status: str
    reference: str


class OrderSeen(msgspec.Struct):
    """The order as the answer shows it."""

    number: str
    status: str
    total: Decimal
    currency: str
    lines: list[Line]
    payment: PaymentSeen


class CheckoutAnswered(Entry):
    """The final answer: an order for 201, otherwise the error's code."""

    key: str
    user: str
    status: int
    code: str = ""
    order: OrderSeen | None = None


class CancelSent(Entry):
    """A customer is about to cancel."""

    number: str


class CancelAnswered(Entry):
    """The cancellation was acknowledged (200)."""

    number: str
    payment_status: str


class AdjustSent(Entry):
    """Staff is about to adjust stock; `reason` is unique."""

    reason: str
    product: int
    delta: int


class AdjustAnswered(Entry):
    """The adjustment was answered: done for 200, refused for 409."""

    reason: str
    status: int


class EditSent(Entry):
    """Staff is about to change a product's description; `text` is unique."""

    product: int
    text: str


class EditAnswered(Entry):
    """The change was acknowledged (200)."""

    product: int
    text: str


class CreateSent(Entry):
    """Staff is about to add a product; `sku` is unique."""

    sku: str
    name: str
    price: Decimal
    category: str


class CreateAnswered(Entry):
    """The product was added (201), or was there from an attempt whose answer got lost (400)."""

    sku: str
    status: int


AnyEntry = (
    CheckoutSent
    | CheckoutAnswered
    | CancelSent
    | CancelAnswered
    | AdjustSent
    | AdjustAnswered
    | EditSent
    | EditAnswered
    | CreateSent
    | CreateAnswered
)


class Journal:
    """An append-only file, written through line by line."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, entry: AnyEntry) -> None:
        self._file.write(msgspec.json.encode(entry) + b"\n")

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> Iterator[AnyEntry]:
    """Every entry; a last line that was cut off by a kill is left out."""
    decode = msgspec.json.Decoder(AnyEntry).decode
    if not path.exists():
        return
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield decode(line)
