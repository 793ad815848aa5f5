"""The checks, a function each over the books; `CHECKS` is the list that a report shows.

A check yields what does not agree. None knows how the books were read, so tests plant any discrepancy.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from tests.ledger.books import Books, Discrepancy, Order
from tests.traffic.journal import CheckoutAnswered, EditAnswered, OrderSeen

Found = Iterator[tuple[str, list[Any]]]

PAID = {"captured", "refunded"}
DECLINED = "tok_declined"


def acknowledged_orders(books: Books) -> Found:
    """Every order that a customer was told of is in the shop, once, as it was told."""
    for key, answers in books.answers.items():
        seen = [(answer, answer.order) for answer in answers if answer.order]
        if len({order.number for _, order in seen}) > 1:
            yield f"one idempotency key, several orders: {key}", answers
        if seen and len(seen) < len(answers):
            yield f"one idempotency key, confirmed and refused: {key}", answers
        for answer, told in seen:
            kept = books.orders_by_number.get(told.number)
            if kept is None:
                yield f"acknowledged order {told.number} is lost", answers
            elif _as_told(answer, told) != _as_kept(books, kept):
                paid = books.payments_by_order.get(told.number, [])
                yield f"order {told.number} is not what its customer was told", [answer, kept, *paid]
    numbers = Counter(
        number
        for answers in books.answers.values()
        for number in {a.order.number for a in answers if a.order}
    )
    for number, keys in numbers.items():
        if keys > 1:
            yield f"order {number} was given out for {keys} idempotency keys", [number]


def refused_checkouts(books: Books) -> Found:
    """What was refused left no order, and was not paid for; only a declined token was declined."""
    for key, answers in books.answers.items():
        if not any(answer.order for answer in answers) and books.orders_by_key.get(key):
            yield f"refused checkout {key} is an order", [*answers, *books.orders_by_key[key]]
        token = books.sent[key].expect
        if token != DECLINED and any(answer.code == "payment_declined" for answer in answers):
            yield f"checkout {key} was declined although its token was {token}", answers


def known_orders(books: Books) -> Found:
    """Every order in the shop was asked for, with a good token; one idempotency key made one order."""
    for key, orders in books.orders_by_key.items():
        if len(orders) > 1:
            yield f"idempotency key {key} made {len(orders)} orders", orders
        if key not in books.sent:
            yield f"nobody asked for order {orders[0].number}", orders
        elif books.sent[key].expect == DECLINED:
            yield f"order {orders[0].number} was placed although its token was {DECLINED}", orders
    for order in books.orders:
        if order.status == "cancelled" and order.number not in books.cancels_sent:
            yield f"nobody cancelled order {order.number}", [order]


def order_sums(books: Books) -> Found:
    """Lines have the catalogue's prices, which nobody changes, and add up to their order's total."""
    for order in books.orders:
        for line in order.lines:
            product = books.opening.products.get(line.product)
            if product is None or (line.price, order.currency) != (product.price, product.currency):
                yield f"order {order.number} has another price than the catalogue", [order, product]
        if not order.lines or any(line.total != line.price * line.quantity for line in order.lines):
            yield f"lines of order {order.number} do not add up", [order]
        elif order.total != sum(line.total for line in order.lines):
            yield f"order {order.number} has another total than its lines", [order]


def payments_match(books: Books) -> Found:
    """Every order has one payment over its total: captured, or wholly refunded, once, if it was cancelled."""
    for order in books.orders:
        payments = books.payments_by_order.get(order.number, [])
        if len(payments) != 1:
            yield f"order {order.number} has {len(payments)} payments", [order, *payments]
            continue
        (payment,) = payments
        if (payment.amount, payment.currency) != (order.total, order.currency):
            yield f"order {order.number} was not paid to the cent", [order, payment]
        paid_back = (order.total, 1) if order.status == "cancelled" else (Decimal(0), 0)
        status = "refunded" if order.status == "cancelled" else "captured"
        if (payment.status, payment.refunded, payment.refunds) != (status, *paid_back):
            yield (
                f"{order.status} order {order.number} has a payment that is {payment.status}",
                [order, payment],
            )
    for number, payments in books.payments_by_order.items():
        if number not in books.orders_by_number:
            yield f"payment without an order: {number}", payments


def charges_match(books: Books) -> Found:
    """Every payment is one charge at the provider, and the provider holds no money for anything else."""
    charges = {charge.reference: charge for charge in books.charges}
    references = Counter(payment.reference for payment in books.payments)
    for reference, times in references.items():
        if times > 1:
            yield f"charge {reference} pays for {times} orders", [reference]
    for payment in books.payments:
        charge = charges.get(payment.reference)
        if charge is None:
            yield f"the provider knows no charge {payment.reference} of order {payment.order}", [payment]
        elif (charge.status, charge.amount, charge.currency) != (
            payment.status,
            payment.amount,
            payment.currency,
        ):
            yield f"the provider sees the payment of order {payment.order} otherwise", [payment, charge]
    for charge in books.charges:
        if charge.status in PAID and charge.reference not in references:
            yield f"charge {charge.reference} is money for no order", [charge]


def cancellations(books: Books) -> Found:
    """Every acknowledged cancellation holds, and said so; that it was refunded is among the payments."""
    for number, cancel in books.cancels.items():
        order = books.orders_by_number.get(number)
        if order is None or order.status != "cancelled":
            yield f"acknowledged cancellation of {number} is lost", [cancel, order]
        # With the provider away it is refunded later.
        if cancel.payment_status != "refunded" and not books.kills:
            yield f"cancellation of {number} was answered as {cancel.payment_status}", [cancel, order]


def stock_moves(books: Books) -> Found:
    """Every order took its pieces once, every cancelled one gave them back, every adjustment counted once."""
    for order in books.orders:
        moved: Counter[int] = Counter()
        times: Counter[int] = Counter()
        for movement in books.movements_by_order.get(order.number, []):
            moved[movement.product] += movement.delta
            times[movement.product] += 1
        cancelled = order.status == "cancelled"
        for line in order.lines:
            expected = (0, 2) if cancelled else (-line.quantity, 1)
            if (moved.pop(line.product, 0), times[line.product]) != expected:
                rows = books.movements_by_order.get(order.number, [])
                yield (
                    f"{order.status} order {order.number} moved product {line.product} wrongly",
                    [order, *rows],
                )
        if moved:
            yield f"order {order.number} moved products that it does not have: {dict(moved)}", [order]
    for number in books.movements_by_order.keys() - books.orders_by_number.keys():
        yield f"stock moved for no order: {number}", books.movements_by_order[number]
    for reason, sent in books.adjusts_sent.items():
        rows = books.movements_by_reason.get(reason, [])
        answer = books.adjusts.get(reason)
        allowed = {0, 1} if answer is None else {1} if answer.status == 200 else {0}
        if len(rows) not in allowed or any((r.product, r.delta) != (sent.product, sent.delta) for r in rows):
            yield f"stock adjustment exists {len(rows)} times, not {sorted(allowed)}", [sent, answer, *rows]


def stock_levels(books: Books) -> Found:
    """What is on hand is what was there, less sales, plus adjustments; nothing stays reserved."""
    change: Counter[int] = Counter()
    for order in books.orders:
        if order.status == "confirmed":
            for line in order.lines:
                change[line.product] -= line.quantity
    for reason, sent in books.adjusts_sent.items():
        if books.movements_by_reason.get(reason):
            change[sent.product] += sent.delta
    kept = {stock.product: stock for stock in books.stock}
    for product in books.opening.stock.keys() | kept.keys():
        stock, expected = kept.get(product), books.opening.stock.get(product, 0) + change[product]
        if stock is None:
            yield f"the stock record of product {product} is lost", [product]
        elif (stock.on_hand, stock.reserved) != (expected, 0) or stock.on_hand < 0:
            yield f"product {product}: {expected} on hand and none reserved were right", [stock]
        if product not in books.products_by_id:
            yield f"stock of no product: {product}", [stock]


def catalogue(books: Books) -> Found:
    """Every product of the opening is there as it was.

    Its description is the last one that was acknowledged, or a later one without an answer.
    """
    for product, before in books.opening.products.items():
        entries = books.edits.get(product, [])
        answered = [index for index, entry in enumerate(entries) if isinstance(entry, EditAnswered)]
        allowed = {entry.text for entry in entries[answered[-1] if answered else 0 :]}
        if not answered:
            allowed.add(before.description)
        after = books.products_by_id.get(product)
        if after is None or after != msgspec.structs.replace(before, description=after.description):
            yield f"product {product} is not what it was", [before, after]
        elif after.description not in allowed:
            yield f"the last change of product {product} is lost: {after.description!r}", entries[-4:]


def new_products(books: Books) -> Found:
    """Every product that staff added is there once as it was sent, inventory heard of it, and no other is."""
    stocked = {stock.product for stock in books.stock}
    for sku, sent in books.creates_sent.items():
        rows, answer = books.products_by_sku.get(sku, []), books.creates.get(sku)
        if len(rows) > 1 or (answer is not None and not rows):
            yield f"the new product {sku} exists {len(rows)} times", [sent, answer, *rows]
        for row in rows:
            kept = (row.name, row.price, row.category, row.active)
            if kept != (sent.name, sent.price, sent.category, True):
                yield f"the new product {sku} is not what was sent", [sent, row]
            if row.id not in stocked:
                yield f"the new product {sku} has no stock record", [row]
    for product in books.products:
        if product.id not in books.opening.products and product.sku not in books.creates_sent:
            yield f"nobody added product {product.id}", [product]
    if len(books.products_by_id) < len(books.products):
        yield "products share an id", [len(books.products), len(books.products_by_id)]


def notifications(books: Books) -> Found:
    """One message an order and one a cancelled one, to the order's user."""
    wanted = Counter((order.number, "order_placed") for order in books.orders)
    wanted += Counter((o.number, "order_cancelled") for o in books.orders if o.status == "cancelled")
    kept = Counter((row.order, row.kind) for row in books.notifications)
    for order, kind in wanted - kept:
        yield f"no notification {kind} of order {order}", [order]
    for order, kind in kept - wanted:
        yield f"{kept[order, kind]} notifications {kind} of order {order}", [order]
    for row in books.notifications:
        about = books.orders_by_number.get(row.order)
        if about and (row.user_id, row.email) != (about.user_id, about.user):
            yield f"notification {row.id} is for somebody else", [row, about]


def mails_sent(books: Books) -> Found:
    """Every notification is one mail as it says. The same Message-ID is the same mail, sent again: once a
    kill at most."""
    known = {row.message_id for row in books.notifications}
    for row in books.notifications:
        mails = books.mails_by_id.get(row.message_id, [])
        if not mails or not row.sent:
            yield f"notification {row.id} was not sent, or is not marked as sent", [row, *mails]
        said = (row.email, row.subject, row.body.strip())
        if any((mail.recipient, mail.subject, mail.body.strip()) != said for mail in mails):
            yield f"the mail of notification {row.id} says something else", [row, *mails]
    for identity in books.mails_by_id.keys() - known:
        yield f"a mail of no notification: {identity}", books.mails_by_id[identity]
    repeated = len(books.mails) - len(books.mails_by_id)
    if repeated > books.kills:
        again = [identity for identity, mails in books.mails_by_id.items() if len(mails) > 1]
        yield f"{repeated} mails were sent again, with {books.kills} kills", again


def money_adds_up(books: Books) -> Found:
    """The provider holds exactly the sum of the confirmed orders."""
    held = sum((c.amount for c in books.charges if c.status == "captured"), Decimal(0))
    owed = sum((o.total for o in books.orders if o.status == "confirmed"), Decimal(0))
    if held != owed:
        yield f"the provider holds {held}, the confirmed orders come to {owed}", [str(held), str(owed)]


CHECKS: dict[str, Callable[[Books], Found]] = {
    "acknowledged orders": acknowledged_orders,
    "refused checkouts": refused_checkouts,
    "known orders": known_orders,
    "sums of orders": order_sums,
    "payments": payments_match,
    "charges at the provider": charges_match,
    "cancellations": cancellations,
    "stock movements": stock_moves,
    "stock levels": stock_levels,
    "catalogue": catalogue,
    "new products": new_products,
    "notifications": notifications,
    "mails": mails_sent,
    "money": money_adds_up,
}


def check(books: Books) -> list[Discrepancy]:
    """Everything that does not agree."""
    return [
        Discrepancy(check=name, what=what, rows=rows)
        for name, find in CHECKS.items()
        for what, rows in find(books)
    ]


def _as_told(answer: CheckoutAnswered, order: OrderSeen) -> tuple[Any, ...]:
    lines = sorted((line.product, line.quantity, line.price, line.total) for line in order.lines)
    return (answer.user, order.number, order.total, order.currency, lines, [order.payment.reference])


def _as_kept(books: Books, order: Order) -> tuple[Any, ...]:
    lines = sorted((line.product, line.quantity, line.price, line.total) for line in order.lines)
    references = [payment.reference for payment in books.payments_by_order.get(order.number, [])]
    return (order.user, order.number, order.total, order.currency, lines, references)
