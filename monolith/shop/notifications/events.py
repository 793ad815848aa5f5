"""Customers are told when an order is placed and when it is cancelled."""

from contracts.orders import OrderCancelled, OrderPlaced
from shop.notifications import operations
from strangler.chassis.events import Event, Handler

PLACED = """Thank you for your order {number}.

We have received your payment of {total} {currency} and are packing your things.

Your shop
"""
CANCELLED = """Your order {number} is cancelled.

We are giving you back {total} {currency}. It may take a few days to show on your statement.

Your shop
"""


def send_confirmation(event: OrderPlaced) -> None:
    operations.notify(
        user=event.user,
        email=event.email,
        order=event.number,
        kind="order_placed",
        subject=f"Your order {event.number}",
        body=PLACED.format(number=event.number, total=event.total, currency=event.currency),
    )


def send_cancellation(event: OrderCancelled) -> None:
    operations.notify(
        user=event.user,
        email=event.email,
        order=event.number,
        kind="order_cancelled",
        subject=f"Your order {event.number} is cancelled",
        body=CANCELLED.format(number=event.number, total=event.total, currency=event.currency),
    )


HANDLERS: dict[type[Event], list[Handler]] = {
    OrderPlaced: [send_confirmation],
    OrderCancelled: [send_cancellation],
}
