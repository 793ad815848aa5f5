"""What orders does, for its own entry points and, through the port, for other domains.

Checkout stands in a module of its own, `checkout`.
"""

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from django.db import DatabaseError, IntegrityError, transaction

from contracts import orders as contract
from contracts.catalog import Product, catalog
from contracts.inventory import inventory
from contracts.notifications import notifications
from contracts.payments import payments
from shop.orders.checkout import checkout, described, money
from shop.orders.models import CartLine, Order
from strangler.chassis.errors import ChassisError, ContractError
from strangler.chassis.events import publish

__all__ = ["cancel", "cart", "checkout", "one", "orders", "overview", "own", "page", "set_cart_line"]


class NoSuchUser(Exception):
    """The token outlived its user."""


log = logging.getLogger(__name__)


def orders(*, numbers: list[str]) -> dict[str, contract.Order]:
    rows = Order.objects.filter(number__in=numbers).prefetch_related("lines")
    return {row.number: _dto(row) for row in rows}


def cart(*, user: int) -> dict[str, Any]:
    """The cart at today's prices; withdrawn products are not shown."""
    rows = list(CartLine.objects.filter(user_id=user).order_by("id").values_list("product_id", "quantity"))
    products = catalog.products(ids=[product for product, _ in rows]) if rows else {}
    lines: list[dict[str, Any]] = [
        {
            "product": product.id,
            "sku": product.sku,
            "name": product.name,
            "price": money(product.price),
            "quantity": quantity,
            "total": money(product.price * quantity),
        }
        for product_id, quantity in rows
        if (product := products.get(product_id)) is not None and product.active
    ]
    total = sum((Decimal(line["total"]) for line in lines), Decimal(0))
    currency = next((products[line["product"]].currency for line in lines), "EUR")
    return {"lines": lines, "total": money(total), "currency": currency}


def set_cart_line(*, user: int, product: int, quantity: int) -> bool:
    """Put so many pieces into the cart, 0 for none; False if there is no such product. Raises NoSuchUser."""
    if quantity == 0:
        CartLine.objects.filter(user_id=user, product_id=product).delete()
        return True
    found: Product | None = catalog.products(ids=[product]).get(product)
    if found is None or not found.active:
        return False
    try:
        CartLine.objects.bulk_create(
            [CartLine(user_id=user, product_id=product, quantity=quantity)],
            update_conflicts=True,
            update_fields=["quantity"],
            unique_fields=["user", "product"],
        )
    except IntegrityError as error:
        if "(user_id)" in str(error):
            raise NoSuchUser from error
        raise
    return True


def page(*, rows: list[Order]) -> list[dict[str, Any]]:
    """Orders as the API shows them, with their payments fetched at once."""
    paid = payments.payments(orders=[row.number for row in rows])
    return [described(row, list(row.lines.all()), paid.get(row.number)) for row in rows]


def own(*, user: int) -> Any:
    """The user's orders as a queryset, newest first."""
    return Order.objects.filter(user_id=user).order_by("-id").prefetch_related("lines")


def one(*, user: int, number: str) -> dict[str, Any] | None:
    """One of the user's orders, or None."""
    row = own(user=user).filter(number=number).first()
    return page(rows=[row])[0] if row else None


def cancel(*, user: int, number: str) -> dict[str, Any] | None:
    """Cancel an order: its pieces return to the stock, its payment is given back. Repeating it is
    harmless. None if it is not one of the user's."""
    with transaction.atomic():
        order = Order.objects.select_for_update().filter(user_id=user, number=number).first()
        if order is not None and order.status == Order.Status.CONFIRMED:
            order.status = Order.Status.CANCELLED
            order.save(update_fields=["status"])
            inventory.release(order=number, key=f"{number}-cancel")
            publish(
                contract.OrderCancelled(
                    number=number,
                    user=user,
                    email=order.email,
                    total=order.total,
                    currency=order.currency,
                )
            )
    return one(user=user, number=number) if order else None


def overview(*, user: int, number: str) -> dict[str, Any] | None:
    """An order and what the other domains know of it; a part whose domain does not answer is null and
    named in `degraded`. None if the order is not one of the user's."""
    row = own(user=user).filter(number=number).first()
    if row is None:
        return None
    lines = list(row.lines.all())
    parts: dict[str, Callable[[], Any]] = {
        "payments": lambda: list(payments.payments(orders=[number]).values()),
        "products": lambda: _products_now([line.product_id for line in lines]),
        "notifications": lambda: notifications.about_order(user=user, order=number),
    }
    found = {name: _attempt(name, fetch) for name, fetch in parts.items()}
    order = described(row, lines, None)
    del order["payment"]
    return {"order": order, **found, "degraded": [name for name, part in found.items() if part is None]}


def _products_now(ids: list[int]) -> list[dict[str, Any]]:
    current = catalog.products(ids=ids)
    return [
        {
            "id": p.id,
            "sku": p.sku,
            "name": p.name,
            "price": money(p.price),
            "currency": p.currency,
            "active": p.active,
        }
        for p in (current[i] for i in ids if i in current)
    ]


def _attempt(name: str, fetch: Callable[[], Any]) -> Any:
    try:
        return msgspec.to_builtins(fetch())
    except (ChassisError, ContractError, DatabaseError):
        log.warning("the overview goes without %s", name, exc_info=True)
        return None


def _dto(row: Order) -> contract.Order:
    lines = [
        contract.OrderLine(
            product=line.product_id,
            sku=line.sku,
            name=line.name,
            price=line.price,
            quantity=line.quantity,
            total=line.total,
        )
        for line in row.lines.all()
    ]
    return contract.Order(
        number=row.number,
        user=row.user_id,
        status=row.status,
        total=row.total,
        currency=row.currency,
        lines=lines,
    )
