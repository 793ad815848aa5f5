"""The checks, a function each over the books; `CHECKS` is the list that a report shows.

A check yields what does not agree. None knows how the books were read, so tests plant any discrepancy.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from tests.ledger.books import Books, Discrepancy, Order
from tests.traffic.journal import EditAnswered, OrderSeen

Found = Iterator[tuple[str, list[Any]]]

PAID = {"captured", "refunded"}


def acknowledged_orders(books: Books) -> Found:
    """Every order that a customer was told of is in the shop, once, as it was told."""
    for key, answers in books.answers.items():
        seen = [answer.order for answer in answers if answer.order]
        if len({order.number for order in seen}) > 1:
            yield f"one idempotency key, several orders: {key}", answers
        if seen and len(seen) < len(answers):
            yield f"one idempotency key, confirmed and refused: {key}", answers
        for told in seen[:1]:
            kept = books.orders_by_number.get(told.number)
            if kept is None:
                yield f"acknowledged order {told.number} is lost", answers
            elif _as_told(told) != _as_kept(kept):
                yield f"order {told.number} is not what its customer was told", [told, kept]
    numbers = Counter(
        number
        for answers in books.answers.values()
        for number in {a.order.number for a in answers if a.order}
    )
    for number, keys in numbers.items():
        if keys > 1:
            yield f"order {number} was given out for {keys} idempotency keys", [number]


def refused_checkouts(books: Books) -> Found:
    """What was refused left no order, and was not paid for."""
    for key, answers in books.answers.items():
        if not any(answer.order for answer in answers) and books.orders_by_key.get(key):
            yield f"refused checkout {key} is an order", [*answers, *books.orders_by_key[key]]


def known_orders(books: Books) -> Found:
    """Every order in the shop was asked for, and one idempotency key made one order."""
    for key, orders in books.orders_by_key.items():
        if len(orders) > 1:
            yield f"idempotency key {key} made {len(orders)} orders", orders
        if key not in books.sent:
            yield f"nobody asked for order {orders[0].number}", orders
    for order in books.orders:
        if order.status == "cancelled" and order.number not in books.cancels_sent:
            yield f"nobody cancelled order {order.number}", [order]


def order_sums(books: Books) -> Found:
    """Lines add up to their order's total."""
    for order in books.orders:
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
    """Every acknowledged cancellation holds; that it was refunded is among the payments."""
    for number, cancel in books.cancels.items():
        order = books.orders_by_number.get(number)
        if order is None or order.status != "cancelled":
            yield f"acknowledged cancellation of {number} is lost", [cancel, order]


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
    for stock in books.stock:
        expected = stock.initial + change[stock.product]
        if stock.on_hand != expected:
            yield f"product {stock.product}: {stock.on_hand} on hand instead of {expected}", [stock]
        if stock.reserved != 0:
            yield f"product {stock.product}: {stock.reserved} still reserved", [stock]
        if stock.on_hand < 0:
            yield f"product {stock.product}: oversold", [stock]


def descriptions(books: Books) -> Found:
    """A product's description is the last one that was acknowledged, or a later one without an answer."""
    kept = {product.id: product.description for product in books.products}
    for product, entries in books.edits.items():
        answered = [index for index, entry in enumerate(entries) if isinstance(entry, EditAnswered)]
        allowed = {entry.text for entry in entries[answered[-1] if answered else 0 :]}
        if answered and kept.get(product) not in allowed:
            yield f"the last change of product {product} is lost: {kept.get(product)!r}", entries[-4:]


def new_products(books: Books) -> Found:
    """Every product that staff added is there once, and inventory heard of it."""
    stocked = {stock.product for stock in books.stock}
    for sku, answer in books.created.items():
        rows = books.products_by_sku.get(sku, [])
        if len(rows) > 1 or (answer is not None and not rows):
            yield f"the new product {sku} exists {len(rows)} times", [answer, *rows]
        for row in rows:
            if row.id not in stocked:
                yield f"the new product {sku} has no stock record", [row]


def mails_sent(books: Books) -> Found:
    """One confirmation an order, one cancellation a cancelled one. The same Message-ID is the same mail."""
    wanted = {f"Your order {order.number}" for order in books.orders}
    wanted |= {f"Your order {o.number} is cancelled" for o in books.orders if o.status == "cancelled"}
    sent: dict[str, set[str]] = {}
    for mail in books.mails:
        sent.setdefault(mail.subject, set()).add(mail.message_id)
    for subject in sorted(wanted - sent.keys()):
        yield f"no mail “{subject}”", [subject]
    for subject, identities in sent.items():
        if len(identities) > 1:
            yield f"{len(identities)} different mails “{subject}”", sorted(identities)
        if subject not in wanted:
            yield f"mail about nothing that exists: “{subject}”", sorted(identities)


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
    "descriptions": descriptions,
    "new products": new_products,
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


def _as_told(order: OrderSeen) -> tuple[Any, ...]:
    lines = sorted((line.product, line.quantity, line.price, line.total) for line in order.lines)
    return (order.number, order.total, order.currency, lines)


def _as_kept(order: Order) -> tuple[Any, ...]:
    lines = sorted((line.product, line.quantity, line.price, line.total) for line in order.lines)
    return (order.number, order.total, order.currency, lines)
