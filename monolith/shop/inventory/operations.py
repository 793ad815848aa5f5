"""What inventory does, for its own entry points and, through the port, for other domains.

Stock rows are always locked in the order of their product ids, so that concurrent orders cannot
deadlock.
"""

from collections import Counter
from collections.abc import Iterable

from django.db import transaction

from contracts.inventory import InsufficientStock, Line, Shortage, Stock
from shop.inventory.models import Reservation, StockItem, StockMovement
from strangler.chassis.postgres.reading import fetch

MOST = 1_000_000_000
"""Of one product that can be counted in. What customers give back comes on top, and fits the column too."""

STOCK = "SELECT product_id, on_hand, reserved FROM inventory_stockitem WHERE product_id = ANY(%s::bigint[])"
"""Written by hand, for every product list asks it: the query set costs three times as much."""


def stock(*, products: list[int]) -> dict[int, Stock]:
    rows = fetch(STOCK, [products])
    return {
        product: Stock(product=product, on_hand=on_hand, reserved=reserved, available=on_hand - reserved)
        for product, on_hand, reserved in rows
    }


class TooMany(Exception):
    """More pieces of a product than can be counted in."""


@transaction.atomic
def reserve(*, order: str, lines: list[Line], key: str) -> None:
    wanted = Counter[int]()
    for line in lines:
        wanted[line.product] += line.quantity
    items = _locked(wanted)
    if Reservation.objects.filter(order=order).exists():
        return
    shortages = [
        Shortage(product=product, requested=quantity, available=available)
        for product, quantity in sorted(wanted.items())
        if (available := _available(items.get(product))) < quantity
    ]
    if shortages:
        raise InsufficientStock(lines=shortages)
    for product, quantity in wanted.items():
        items[product].reserved += quantity
    StockItem.objects.bulk_update(items.values(), ["reserved"])
    Reservation.objects.bulk_create(
        Reservation(order=order, product_id=product, quantity=quantity)
        for product, quantity in sorted(wanted.items())
    )


@transaction.atomic
def commit(*, order: str, key: str) -> None:
    held = _reservations(order, Reservation.State.HELD)
    items = _locked(reservation.product_id for reservation in held)
    for reservation in held:
        items[reservation.product_id].on_hand -= reservation.quantity
        items[reservation.product_id].reserved -= reservation.quantity
    _settle(held, items, Reservation.State.TAKEN)
    _record(((r.product_id, -r.quantity) for r in held), reason="sold", order=order)


@transaction.atomic
def release(*, order: str, key: str) -> None:
    pending = _reservations(order, Reservation.State.HELD, Reservation.State.TAKEN)
    items = _locked(reservation.product_id for reservation in pending)
    returned = []
    for reservation in pending:
        item = items[reservation.product_id]
        if reservation.state == Reservation.State.HELD:
            item.reserved -= reservation.quantity
        else:
            item.on_hand += reservation.quantity
            returned.append((reservation.product_id, reservation.quantity))
    _settle(pending, items, Reservation.State.RELEASED)
    _record(returned, reason="returned", order=order)


@transaction.atomic
def adjust(*, product: int, delta: int, reason: str) -> Stock | None:
    """Count pieces in or out; None if the product has no stock record.

    Raises InsufficientStock where fewer pieces would remain than are held for orders, and TooMany.
    """
    item = _locked([product]).get(product)
    if item is None:
        return None
    remaining = item.on_hand + delta
    if delta > 0 and remaining > MOST:
        raise TooMany
    if remaining < item.reserved:
        available = _available(item)
        raise InsufficientStock(lines=[Shortage(product=product, requested=abs(delta), available=available)])
    item.on_hand = remaining
    item.save(update_fields=["on_hand"])
    _record([(product, delta)], reason=reason, order="")
    return stock(products=[product])[product]


def open_record(*, product: int) -> None:
    """A new product starts with nothing in stock; repeating it is harmless."""
    StockItem.objects.bulk_create([StockItem(product_id=product)], ignore_conflicts=True)


def _available(item: StockItem | None) -> int:
    return item.on_hand - item.reserved if item else 0


def _locked(products: Iterable[int]) -> dict[int, StockItem]:
    rows = StockItem.objects.select_for_update().filter(product_id__in=set(products)).order_by("product_id")
    return {row.product_id: row for row in rows}


def _reservations(order: str, *states: str) -> list[Reservation]:
    """The order's reservations in these states, locked."""
    rows = Reservation.objects.select_for_update().filter(order=order, state__in=states)
    return list(rows.order_by("product_id"))


def _settle(reservations: list[Reservation], items: dict[int, StockItem], state: str) -> None:
    StockItem.objects.bulk_update(items.values(), ["on_hand", "reserved"])
    Reservation.objects.filter(pk__in=[r.pk for r in reservations]).update(state=state)


def _record(changes: Iterable[tuple[int, int]], *, reason: str, order: str) -> None:
    StockMovement.objects.bulk_create(
        StockMovement(product_id=product, delta=delta, reason=reason, order=order)
        for product, delta in changes
    )
