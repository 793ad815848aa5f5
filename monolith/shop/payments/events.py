"""A cancelled order's money goes back; tried again until the provider has taken the refund."""

from contracts.orders import OrderCancelled
from shop.payments import operations
from strangler.chassis.events import Event, Handler


def give_money_back(event: OrderCancelled) -> None:
    operations.refund(order=event.number, key=f"{event.number}-refund")


HANDLERS: dict[type[Event], list[Handler]] = {OrderCancelled: [give_money_back]}
