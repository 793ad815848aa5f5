"""A new product gets a stock record."""

from contracts.catalog import ProductCreated
from shop.inventory import operations
from strangler.chassis.events import Event, Handler


def open_stock_record(event: ProductCreated) -> None:
    operations.open_record(product=event.product)


HANDLERS: dict[type[Event], list[Handler]] = {ProductCreated: [open_stock_record]}
