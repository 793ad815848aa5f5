"""The checks find what is planted, each, and nothing where everything agrees."""

from decimal import Decimal

import pytest

from tests.ledger.books import Books, Charge, Mail, Movement, Order, OrderLine, Payment, Product, Stock
from tests.ledger.checks import CHECKS, check
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


@pytest.fixture
def books() -> Books:
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
        CreateSent(at=6, sku="NEW-1"),
        CreateAnswered(at=6, sku="NEW-1", status=201),
        EditSent(at=7, product=8, text="first"),
        EditAnswered(at=7, product=8, text="first"),
        EditSent(at=8, product=8, text="second"),
        EditAnswered(at=8, product=8, text="second"),
    ]
    return Books(
        journal=list(journal),
        orders=[kept("A-1", "key-1"), kept("A-2", "key-2", status="cancelled")],
        payments=[paid("A-1"), paid("A-2", refunded=True)],
        charges=[charged("A-1"), charged("A-2", "refunded"), charged("A-3", "declined")],
        stock=[
            Stock(product=7, on_hand=13, reserved=0, initial=10),
            Stock(product=8, on_hand=0, reserved=0, initial=0),
        ],
        movements=[
            Movement(product=7, delta=10, order="", reason="opening stock"),
            Movement(product=7, delta=-2, order="A-1", reason="sold"),
            Movement(product=7, delta=-2, order="A-2", reason="sold"),
            Movement(product=7, delta=2, order="A-2", reason="returned"),
            Movement(product=7, delta=5, order="", reason="counted once"),
        ],
        products=[
            Product(id=7, sku="OLD-7", description=""),
            Product(id=8, sku="NEW-1", description="second"),
        ],
        mails=[
            Mail(message_id="<1>", recipient="ada@shop.example", subject="Your order A-1"),
            Mail(message_id="<2>", recipient="ada@shop.example", subject="Your order A-2"),
            Mail(message_id="<3>", recipient="ada@shop.example", subject="Your order A-2 is cancelled"),
        ],
    )


def test_books_that_agree(books: Books) -> None:
    assert check(books) == []


def test_a_mail_sent_again_with_the_same_identity_is_one_mail(books: Books) -> None:
    books.mails.append(books.mails[0])
    assert check(books) == []


def test_an_unanswered_checkout_may_have_made_an_order_or_not(books: Books) -> None:
    books.journal[:] = [
        e for e in books.journal if not (isinstance(e, CheckoutAnswered) and e.key == "key-1")
    ]
    assert check(books) == []


def test_an_unanswered_change_may_have_been_made_or_not(books: Books) -> None:
    books.journal[:] = [e for e in books.journal if not (isinstance(e, EditAnswered) and e.text == "second")]
    assert check(books) == []
    books.products[1].description = "first"
    assert check(books) == []


def test_an_unanswered_adjustment_may_count_once_or_not(books: Books) -> None:
    books.journal[:] = [entry for entry in books.journal if not isinstance(entry, AdjustAnswered)]
    assert check(books) == []
    books.movements.pop()
    del books.__dict__["movements_by_reason"]
    books.stock[0].on_hand -= 5
    assert check(books) == []


def lose_an_order(books: Books) -> None:
    books.orders.pop(0)


def change_a_total(books: Books) -> None:
    books.orders[0].total += 1


def change_a_line(books: Books) -> None:
    books.orders[0].lines[0].quantity = 3


def double_an_order(books: Books) -> None:
    books.orders.append(kept("A-9", "key-1"))


def give_two_orders_for_one_key(books: Books) -> None:
    books.journal.append(answered("key-1", told("A-2")))


def confirm_then_refuse(books: Books) -> None:
    books.journal.append(
        CheckoutAnswered(at=9, key="key-1", user="ada@shop.example", status=402, code="payment_declined")
    )


def order_what_was_refused(books: Books) -> None:
    books.orders.append(kept("A-3", "key-3"))


def order_what_nobody_asked_for(books: Books) -> None:
    books.orders.append(kept("A-9", "key-9"))


def lose_a_payment(books: Books) -> None:
    books.payments.pop(0)


def double_a_payment(books: Books) -> None:
    books.payments.append(Payment("A-1", "ch_other", "captured", TOTAL, "EUR"))


def underpay(books: Books) -> None:
    books.payments[0].amount -= Decimal("0.01")


def forget_a_refund(books: Books) -> None:
    books.payments[1] = paid("A-2")


def refund_twice(books: Books) -> None:
    books.payments[1].refunds = 2


def double_a_charge(books: Books) -> None:
    books.charges.append(Charge("A-1-2", "ch_twice", "captured", TOTAL, "EUR"))


def lose_a_charge(books: Books) -> None:
    books.charges.pop(0)


def charge_too_much(books: Books) -> None:
    books.charges[0].amount += 1


def lose_a_cancellation(books: Books) -> None:
    books.orders[1].status = "confirmed"


def cancel_what_nobody_cancelled(books: Books) -> None:
    books.orders[0].status = "cancelled"


def miscount(books: Books) -> None:
    books.stock[0].on_hand -= 1


def leave_reserved(books: Books) -> None:
    books.stock[0].reserved = 1


def lose_a_movement(books: Books) -> None:
    books.movements.pop(1)


def double_a_movement(books: Books) -> None:
    books.movements.append(books.movements[1])


def move_for_no_order(books: Books) -> None:
    books.movements.append(Movement(product=7, delta=-1, order="A-9", reason="sold"))


def lose_an_adjustment(books: Books) -> None:
    books.movements.pop()


def double_an_adjustment(books: Books) -> None:
    books.movements.append(books.movements[-1])


def lose_a_mail(books: Books) -> None:
    books.mails.pop(0)


def double_a_mail(books: Books) -> None:
    books.mails.append(Mail(message_id="<9>", recipient="ada@shop.example", subject="Your order A-1"))


def lose_a_change(books: Books) -> None:
    books.products[1].description = "first"


def lose_a_product(books: Books) -> None:
    books.products.pop()


def double_a_product(books: Books) -> None:
    books.products.append(Product(id=9, sku="NEW-1", description=""))


def forget_a_stock_record(books: Books) -> None:
    books.stock.pop()


@pytest.mark.parametrize(
    ("plant", "finders"),
    [
        (lose_an_order, {"acknowledged orders"}),
        (change_a_total, {"acknowledged orders", "sums of orders"}),
        (change_a_line, {"acknowledged orders", "sums of orders", "stock movements", "stock levels"}),
        (double_an_order, {"known orders", "payments"}),
        (give_two_orders_for_one_key, {"acknowledged orders"}),
        (confirm_then_refuse, {"acknowledged orders"}),
        (order_what_was_refused, {"refused checkouts"}),
        (order_what_nobody_asked_for, {"known orders"}),
        (lose_a_payment, {"payments", "charges at the provider"}),
        (double_a_payment, {"payments", "charges at the provider"}),
        (underpay, {"payments", "charges at the provider"}),
        (forget_a_refund, {"payments", "charges at the provider"}),
        (refund_twice, {"payments"}),
        (double_a_charge, {"charges at the provider", "money"}),
        (lose_a_charge, {"charges at the provider", "money"}),
        (charge_too_much, {"charges at the provider", "money"}),
        (lose_a_cancellation, {"cancellations", "payments", "money", "stock levels"}),
        (cancel_what_nobody_cancelled, {"known orders", "payments", "money"}),
        (miscount, {"stock levels"}),
        (leave_reserved, {"stock levels"}),
        (lose_a_movement, {"stock movements"}),
        (double_a_movement, {"stock movements"}),
        (move_for_no_order, {"stock movements"}),
        (lose_an_adjustment, {"stock movements"}),
        (double_an_adjustment, {"stock movements"}),
        (lose_a_change, {"descriptions"}),
        (lose_a_product, {"descriptions", "new products"}),
        (double_a_product, {"new products"}),
        (forget_a_stock_record, {"new products"}),
        (lose_a_mail, {"mails"}),
        (double_a_mail, {"mails"}),
    ],
)
def test_what_is_planted_is_found(books: Books, plant: object, finders: set[str]) -> None:
    assert callable(plant)
    plant(books)
    found = {discrepancy.check for discrepancy in check(books)}
    assert finders <= found, f"only {found} found it"


def test_every_check_has_found_something_above() -> None:
    parameters = test_what_is_planted_is_found.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert set().union(*(finders for _, finders in parameters)) == set(CHECKS)


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
    return Order(number, "ada@shop.example", status, TOTAL, "EUR", key, [line])


def paid(number: str, *, refunded: bool = False) -> Payment:
    payment = Payment(number, f"ch_{number}", "captured", TOTAL, "EUR")
    if refunded:
        payment.status, payment.refunded, payment.refunds = "refunded", TOTAL, 1
    return payment


def charged(number: str, status: str = "captured") -> Charge:
    return Charge(f"{number}-1", f"ch_{number}", status, TOTAL, "EUR")
