"""What the catalogue does, for its own entry points and, through the port, for other domains."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, cast

from django.db import DatabaseError, IntegrityError, transaction
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from contracts.catalog import Product, ProductCreated
from contracts.inventory import inventory
from shop.catalog import listing, models
from strangler.chassis.errors import ChassisError
from strangler.chassis.events import publish

SKU_CONSTRAINT = "catalog_product_sku_key"

logger = logging.getLogger(__name__)


class SkuTaken(Exception):
    """Another product has this SKU."""


class NoSuchCategory(Exception):
    """The category is not there (any more)."""


DTO_FIELDS = ("id", "sku", "name", "price", "currency", "active")


def products(*, ids: list[int]) -> dict[int, Product]:
    rows = models.Product.objects.filter(id__in=ids).values(*DTO_FIELDS)
    return {row["id"]: Product(**row) for row in rows}


def list_products(
    *, filters: listing.Filters, offset: int | None, limit: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many products match, and those from `offset`, or of the last page for None, with their
    availability, ready for JSON."""
    page = listing.select(filters=filters, offset=offset, limit=limit)
    return page.count, with_availability(rows=page.rows)


def product(*, product: int) -> dict[str, Any] | None:
    """One active product with its availability, ready for JSON, or None."""
    row = listing.select_one(product=product)
    return None if row is None else with_availability(rows=[row])[0]


def with_availability(*, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `available` pieces; None for all where inventory does not answer."""
    if not rows:
        return rows
    try:
        stock = inventory.stock(products=[row["id"] for row in rows])
    except (ChassisError, DatabaseError):
        logger.warning("Inventory does not answer; availability is left open", exc_info=True)
        return [{**row, "available": None} for row in rows]
    pieces = {product: figures.available for product, figures in stock.items()}
    return [{**row, "available": pieces.get(row["id"], 0)} for row in rows]


def create_product(
    *, sku: str, name: str, description: str, price: Decimal, currency: str, category_id: str
) -> dict[str, Any]:
    """The new product, ready for JSON; raises SkuTaken, NoSuchCategory. Inventory hears of it and opens a
    stock record."""
    with _refused(), transaction.atomic():
        row = models.Product.objects.create(
            sku=sku,
            name=name,
            description=description,
            price=price,
            currency=currency,
            category_id=category_id,
        )
        publish(ProductCreated(product=row.id, sku=row.sku))
        # Here, where nobody else can have withdrawn it.
        created = cast(dict[str, Any], listing.select_one(product=row.id))
    return with_availability(rows=[created])[0]


def active_product(*, product: int) -> models.Product | None:
    """The product's row, unless it is withdrawn."""
    return models.Product.objects.filter(id=product, active=True).first()


def change_product(*, product: int, **changes: Any) -> dict[str, Any] | None:
    """The active product with these values, ready for JSON; None if there is none. Raises
    SkuTaken, NoSuchCategory."""
    with _refused(), transaction.atomic():
        row = models.Product.objects.select_for_update().filter(id=product, active=True).first()
        if row is None:
            return None
        for field, value in changes.items():
            setattr(row, field, value)
        row.save()
        changed = cast(dict[str, Any], listing.select_one(product=product))
    return with_availability(rows=[changed])[0]


@contextmanager
def _refused() -> Iterator[None]:
    """What the database alone can know, because others write meanwhile."""
    try:
        yield
    except IntegrityError as error:
        cause = error.__cause__
        if isinstance(cause, UniqueViolation) and cause.diag.constraint_name == SKU_CONSTRAINT:
            raise SkuTaken from error
        if isinstance(cause, ForeignKeyViolation):
            raise NoSuchCategory from error
        raise


def withdraw_product(*, product: int) -> bool:
    """Whether there was such an active product; it can no longer be found or bought."""
    return bool(models.Product.objects.filter(id=product, active=True).update(active=False))
