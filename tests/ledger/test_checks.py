"""The checks find what is planted, each, and nothing where everything agrees."""

from decimal import Decimal

import pytest

from tests.ledger.agreeing import TOTAL, agreeing, answered, kept, mailed, noted, paid, sold, told
from tests.ledger.books import Books, Charge, Movement, Order, Payment, Stock
from tests.ledger.checks import CHECKS, check
from tests.traffic.journal import (
    AdjustAnswered,
    CancelAnswered,
    CheckoutAnswered,
    CheckoutSent,
    EditAnswered,
    OrderSeen,
)


@pytest.fixture
def books() -> Books:
    return agreeing()


def test_books_that_agree(books: Books) -> None:
    assert check(books) == []


def test_a_kill_may_send_a_mail_again_and_a_refund_later(books: Books) -> None:
    books.kills = 1
    books.mails.append(books.mails[0])
    answer_the_cancellation_as_still_captured(books)
    assert check(books) == []


def test_an_unanswered_checkout_may_have_made_an_order_or_not(books: Books) -> None:
    books.journal[:] = [
        e for e in books.journal if not (isinstance(e, CheckoutAnswered) and e.key == "key-1")
    ]
    assert check(books) == []


def test_an_unanswered_change_may_have_been_made_or_not(books: Books) -> None:
    books.journal[:] = [e for e in books.journal if not (isinstance(e, EditAnswered) and e.text == "second")]
    assert check(books) == []
    books.products[0].description = "first"
    assert check(books) == []


def test_an_unanswered_change_alone_may_have_been_made_or_not(books: Books) -> None:
    books.journal[:] = [e for e in books.journal if not isinstance(e, EditAnswered)]
    assert check(books) == []
    books.products[0].description = ""
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
    books.mails.append(mailed(4))


def send_a_mail_again(books: Books) -> None:
    books.mails += [books.mails[0]] * 20


def send_all_mails_to_somebody_else(books: Books) -> None:
    for mail in books.mails:
        mail.recipient = "mallory@shop.example"


def say_something_else_in_a_mail(books: Books) -> None:
    books.mails[0].body = "Thank you for nothing."


def mark_a_mail_as_unsent(books: Books) -> None:
    books.notifications[0].sent = False


def lose_a_notification(books: Books) -> None:
    books.notifications.pop(0)


def double_a_notification(books: Books) -> None:
    books.notifications.append(noted(4, "A-1", "order_placed"))
    books.mails.append(mailed(4))


def notify_somebody_else(books: Books) -> None:
    books.notifications[0].user_id = 666


def give_an_order_to_somebody_else(books: Books) -> None:
    books.orders[0].user = "mallory@shop.example"


def charge_under_another_reference(books: Books) -> None:
    books.payments[0].reference = books.charges[0].reference = "ch_other"


def order_with_a_declined_token(books: Books) -> None:
    books.journal[0] = CheckoutSent(at=1, key="key-1", user="ada@shop.example", expect="tok_declined")


def decline_a_good_token(books: Books) -> None:
    books.journal[4] = CheckoutSent(at=3, key="key-3", user="ada@shop.example", expect="tok_ok")


def answer_the_cancellation_as_still_captured(books: Books) -> None:
    books.journal[7] = CancelAnswered(at=4, number="A-2", payment_status="captured")


def sell_at_ten_times_the_price(books: Books) -> None:
    """And everybody agrees on it."""
    told = [entry.order for entry in books.entries(CheckoutAnswered) if entry.order]
    orders: list[Order | OrderSeen] = [*books.orders, *told]
    for order in orders:
        order.total *= 10
        for line in order.lines:
            line.price, line.total = line.price * 10, line.total * 10
    for payment in books.payments:
        payment.amount, payment.refunded = payment.amount * 10, payment.refunded * 10
    for charge in books.charges:
        charge.amount *= 10


def lose_a_change(books: Books) -> None:
    books.products[0].description = "first"


def lose_a_seeded_product(books: Books) -> None:
    books.products.pop()


def change_a_seeded_product(books: Books) -> None:
    books.products[2].category = "garden"


def change_a_description_that_nobody_edited(books: Books) -> None:
    books.products[2].description = "Rewritten"


def lose_a_new_product(books: Books) -> None:
    books.products.pop(1)


def change_a_new_product(books: Books) -> None:
    books.products[1].price += 1


def double_a_new_product(books: Books) -> None:
    books.products.append(sold(10, sku="NEW-1"))


def double_a_seeded_product(books: Books) -> None:
    books.products.append(sold(9))


def add_what_nobody_added(books: Books) -> None:
    books.products.append(sold(10))


def lose_a_stock_record(books: Books) -> None:
    books.stock.pop()


def forget_a_new_stock_record(books: Books) -> None:
    books.stock.pop(1)


def stock_what_nobody_sells(books: Books) -> None:
    books.stock.append(Stock(product=10, on_hand=0, reserved=0))


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
        (give_an_order_to_somebody_else, {"acknowledged orders", "notifications"}),
        (charge_under_another_reference, {"acknowledged orders"}),
        (order_with_a_declined_token, {"known orders"}),
        (decline_a_good_token, {"refused checkouts"}),
        (answer_the_cancellation_as_still_captured, {"cancellations"}),
        (sell_at_ten_times_the_price, {"sums of orders"}),
        (lose_a_change, {"catalogue"}),
        (lose_a_seeded_product, {"catalogue"}),
        (change_a_seeded_product, {"catalogue"}),
        (change_a_description_that_nobody_edited, {"catalogue"}),
        (lose_a_new_product, {"new products"}),
        (change_a_new_product, {"new products"}),
        (double_a_new_product, {"new products"}),
        (double_a_seeded_product, {"new products"}),
        (add_what_nobody_added, {"new products"}),
        (lose_a_stock_record, {"stock levels"}),
        (forget_a_new_stock_record, {"new products"}),
        (stock_what_nobody_sells, {"stock levels"}),
        (lose_a_notification, {"notifications", "mails"}),
        (double_a_notification, {"notifications"}),
        (notify_somebody_else, {"notifications"}),
        (lose_a_mail, {"mails"}),
        (double_a_mail, {"mails"}),
        (send_a_mail_again, {"mails"}),
        (send_all_mails_to_somebody_else, {"mails"}),
        (say_something_else_in_a_mail, {"mails"}),
        (mark_a_mail_as_unsent, {"mails"}),
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
