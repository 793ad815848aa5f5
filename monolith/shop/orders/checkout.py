"""Checkout as one database transaction over orders, inventory and payments.

1. The idempotency key gets a row, and with it the order's number; committed at once.
2. Payments notes that a charge is about to be tried, unless the cart is empty; committed at once.
3. One transaction does the rest: cart, prices, stock, charge, order, event. The key's row is locked in
   it, so that requests with the same key follow one another, and the later ones get the same answer.

A declared failure undoes everything but the key's row, which remembers it as the answer. Where the
provider or the database is down there is no answer to remember: the same key may be tried again.
"""

import secrets
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
from django.db import transaction

from contracts.accounts import Address, accounts
from contracts.catalog import Product, catalog
from contracts.inventory import InsufficientStock, Line, inventory
from contracts.orders import OrderPlaced
from contracts.payments import Payment, PaymentDeclined, payments
from shop.orders.errors import EmptyCart, IdempotencyKeyReused, ProductUnavailable
from shop.orders.models import CartLine, CheckoutKey, Order, OrderLine
from strangler.chassis.errors import ContractError
from strangler.chassis.events import publish

# Letters and digits that nobody takes for one another (Crockford's base 32).
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NUMBER_LENGTH = 12
# A failure that is the answer to the request, and so is repeated for the same key.
REMEMBERED: dict[str, type[ContractError]] = {
    error.code: error for error in (EmptyCart, ProductUnavailable, InsufficientStock, PaymentDeclined)
}


def checkout(*, user: int, email: str, payment_token: str, address: int, key: str) -> dict[str, Any]:
    """The confirmed order with its payment, ready for JSON; raises what contracts declare."""
    fingerprint = _fingerprint(payment_token, address)
    row = _key_row(user=user, key=key, fingerprint=fingerprint)
    if row is None or row.answer is None:
        # Only now: an answer is repeated whatever has become of the address.
        destination = accounts.address(user=user, address=address)
        row = row or _new_key_row(user=user, key=key, fingerprint=fingerprint)
        # What is put into it from now on is bought by a later request: no note, no charge.
        was_empty = not CartLine.objects.filter(user_id=user).exists()
        if not was_empty:
            payments.prepare(order=row.number, user=user, key=row.number)
        row = _answer(row, was_empty, email=email, token=payment_token, destination=destination)
    answer: dict[str, Any] = msgspec.json.decode(row.answer or "")
    if "error" in answer:
        raise REMEMBERED[answer["error"]].from_payload(answer["payload"])
    order: dict[str, Any] = answer["order"]
    return order


@transaction.atomic
def _answer(row: CheckoutKey, was_empty: bool, **wanted: Any) -> CheckoutKey:
    """The key's row with its answer, whoever found it."""
    row = CheckoutKey.objects.select_for_update().get(pk=row.pk)
    if row.answer is not None:
        return row
    try:
        if was_empty:
            raise EmptyCart
        with transaction.atomic():
            answer: dict[str, Any] = {"order": _place(row, **wanted)}
    except tuple(REMEMBERED.values()) as error:
        answer = {"error": error.code, "payload": error.payload()}
    row.answer = msgspec.json.encode(answer).decode()
    row.save(update_fields=["answer"])
    return row


def _place(row: CheckoutKey, *, email: str, token: str, destination: Address) -> dict[str, Any]:
    """Turn the cart into a paid order, within the caller's transaction."""
    number, user = row.number, row.user_id
    cart = list(CartLine.objects.select_for_update().filter(user_id=user).order_by("product_id"))
    if not cart:
        raise EmptyCart()
    products = catalog.products(ids=[line.product_id for line in cart])
    withdrawn = [line.product_id for line in cart if not _is_sold(products.get(line.product_id))]
    if withdrawn:
        raise ProductUnavailable(products=withdrawn)
    wanted = [Line(product=line.product_id, quantity=line.quantity) for line in cart]
    inventory.reserve(order=number, lines=wanted, key=number)
    order = Order(number=number, user_id=user, email=email, address=msgspec.to_builtins(destination))
    lines = [_line(order, products[line.product_id], line.quantity) for line in cart]
    order.total = sum((line.total for line in lines), Decimal("0.00"))
    order.currency = products[cart[0].product_id].currency
    order.save(force_insert=True)
    OrderLine.objects.bulk_create(lines)
    payment = payments.charge(
        order=number, user=user, amount=order.total, currency=order.currency, token=token, key=number
    )
    inventory.commit(order=number, key=number)
    CartLine.objects.filter(pk__in=[line.pk for line in cart]).delete()
    publish(OrderPlaced(number=number, user=user, email=email, total=order.total, currency=order.currency))
    return described(order, lines, payment)


def described(order: Order, lines: list[OrderLine], payment: Payment | None) -> dict[str, Any]:
    """An order as the API shows it; money as decimal strings with two places."""
    return {
        "number": order.number,
        "status": str(order.status),
        "total": money(order.total),
        "currency": order.currency,
        "lines": [
            {
                "product": line.product_id,
                "sku": line.sku,
                "name": line.name,
                "price": money(line.price),
                "quantity": line.quantity,
                "total": money(line.total),
            }
            for line in lines
        ],
        "payment": {"status": payment.status, "reference": payment.reference} if payment else None,
    }


def money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _key_row(*, user: int, key: str, fingerprint: str) -> CheckoutKey | None:
    row = CheckoutKey.objects.filter(user_id=user, key=key).first()
    if row is not None and row.fingerprint != fingerprint:
        raise IdempotencyKeyReused()
    return row


def _new_key_row(*, user: int, key: str, fingerprint: str) -> CheckoutKey:
    """The key's row, whoever of those with the same key wrote it first."""
    number = "".join(secrets.choice(ALPHABET) for _ in range(NUMBER_LENGTH))
    fresh = CheckoutKey(user_id=user, key=key, fingerprint=fingerprint, number=number)
    CheckoutKey.objects.bulk_create([fresh], ignore_conflicts=True)
    row = _key_row(user=user, key=key, fingerprint=fingerprint)
    assert row is not None
    return row


def _fingerprint(payment_token: str, address: int) -> str:
    return sha256(msgspec.json.encode([payment_token, address])).hexdigest()


def _is_sold(product: Product | None) -> bool:
    return product is not None and product.active


def _line(order: Order, product: Product, quantity: int) -> OrderLine:
    return OrderLine(
        order=order,
        product_id=product.id,
        sku=product.sku,
        name=product.name,
        price=product.price,
        quantity=quantity,
        total=product.price * quantity,
    )
