"""Books in which everything agrees, and the rows that they are made of."""

from decimal import Decimal

import msgspec

from tests.ledger.books import (
    Books,
    Charge,
    Mail,
    Movement,
    Notification,
    Opening,
    Order,
    OrderLine,
    Payment,
    Product,
    Stock,
)
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
    Line,
    OrderSeen,
    PaymentSeen,
)

PRICE, TOTAL = Decimal("4.50"), Decimal("9.00")


def agreeing() -> Books:
    """One confirmed order, one cancelled, one declined checkout, one adjustment, one new product and two
    changes of it, all in order."""
    journal: list[AnyEntry] = [
        CheckoutSent(at=1, key="key-1", user="ada@shop.example", expect="tok_ok"),
        answered("key-1", told("A-1")),
        CheckoutSent(at=2, key="key-2", user="ada@shop.example", expect="tok_ok"),
        answered("key-2", told("A-2")),
        CheckoutSent(at=3, key="key-3", user="ada@shop.example", expect="tok_declined"),
        CheckoutAnswered(at=3, key="key-3", user="ada@shop.example", status=402, code="payment_declined"),
        CancelSent(at=4, number="A-2"),
        CancelAnswered(at=4, number="A-2", payment_status="refunded"),
        AdjustSent(at=5, reason="counted once", product=7, delta=5),
        AdjustAnswered(at=5, reason="counted once", status=200),
        CreateSent(at=6, sku="NEW-1", name="Thing", price=PRICE, category="home"),
        CreateAnswered(at=6, sku="NEW-1", status=201),
        EditSent(at=7, product=7, text="first"),
        EditAnswered(at=7, product=7, text="first"),
        EditSent(at=8, product=7, text="second"),
        EditAnswered(at=8, product=7, text="second"),
    ]
    return Books(
        opening=Opening(products={7: sold(7), 9: sold(9)}, stock={7: 10, 9: 3}),
        journal=list(journal),
        orders=[kept("A-1", "key-1"), kept("A-2", "key-2", status="cancelled")],
        payments=[paid("A-1"), paid("A-2", refunded=True)],
        charges=[charged("A-1"), charged("A-2", "refunded"), charged("A-3", "declined")],
        stock=[
            Stock(product=7, on_hand=13, reserved=0),
            Stock(product=8, on_hand=0, reserved=0),
            Stock(product=9, on_hand=3, reserved=0),
        ],
        movements=[
            Movement(product=7, delta=10, order="", reason="opening stock"),
            Movement(product=7, delta=-2, order="A-1", reason="sold"),
            Movement(product=7, delta=-2, order="A-2", reason="sold"),
            Movement(product=7, delta=2, order="A-2", reason="returned"),
            Movement(product=7, delta=5, order="", reason="counted once"),
        ],
        products=[sold(7, description="second"), sold(8, sku="NEW-1"), sold(9)],
        notifications=[
            noted(1, "A-1", "order_placed"),
            noted(2, "A-2", "order_placed"),
            noted(3, "A-2", "order_cancelled"),
        ],
        mails=[mailed(1), mailed(2), mailed(3)],
    )


def told(number: str) -> OrderSeen:
    line = Line(product=7, quantity=2, price=PRICE, total=TOTAL)
    return OrderSeen(
        number=number,
        status="confirmed",
        total=TOTAL,
        currency="EUR",
        lines=[line],
        payment=PaymentSeen(status="captured", reference=f"ch_{number}"),
    )


def answered(key: str, order: OrderSeen) -> CheckoutAnswered:
    return CheckoutAnswered(at=1, key=key, user="ada@shop.example", status=201, order=order)


def kept(number: str, key: str, status: str = "confirmed") -> Order:
    line = OrderLine(product=7, quantity=2, price=PRICE, total=TOTAL)
    return Order(number, 1, "ada@shop.example", status, TOTAL, "EUR", key, [line])


def paid(number: str, *, refunded: bool = False) -> Payment:
    payment = Payment(number, f"ch_{number}", "captured", TOTAL, "EUR")
    if refunded:
        payment.status, payment.refunded, payment.refunds = "refunded", TOTAL, 1
    return payment


def charged(number: str, status: str = "captured") -> Charge:
    return Charge(f"{number}-1", f"ch_{number}", status, TOTAL, "EUR")


def sold(number: int, **others: str) -> Product:
    product = Product(number, f"OLD-{number}", "Thing", PRICE, "EUR", "home", True, "")
    return msgspec.structs.replace(product, **others)


def noted(number: int, order: str, kind: str) -> Notification:
    return Notification(number, 1, order, kind, "ada@shop.example", "About it", f"{number}\n", True)


def mailed(number: int) -> Mail:
    return Mail(f"<notification-{number}@shop.example>", "ada@shop.example", "About it", str(number))
