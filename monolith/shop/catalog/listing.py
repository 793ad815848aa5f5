"""The product list, the shop's hottest path: one statement for the rows and their count.

Rows come as JSON-ready values (PostgreSQL writes the price), so that nothing is built only to be
serialised again.
"""

from decimal import Decimal
from typing import Any

import msgspec
from django.db import connection

ORDERINGS = {
    "": "id",
    # The table's price, not the text that the SELECT makes of it under the same name.
    "price": "catalog_product.price, id",
    "-price": "catalog_product.price DESC, id DESC",
    "name": "name, id",
    "-name": "name DESC, id DESC",
}
COLUMNS = ("id", "sku", "name", "description", "price", "currency", "category")
LIST = """
SELECT id, sku, name, description, price::text, currency, category,
    (SELECT count(*) FROM catalog_product WHERE {where}) AS count
FROM catalog_product WHERE {where} ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s
"""
ONE = f"SELECT {', '.join(COLUMNS)} FROM catalog_product WHERE active AND id = %s".replace(  # noqa: S608
    "price", "price::text"
)
CONDITIONS = {
    "category": "category = %(category)s",
    "search": "(name ILIKE %(search)s OR sku ILIKE %(search)s OR description ILIKE %(search)s)",
    "min_price": "price >= %(min_price)s",
    "max_price": "price <= %(max_price)s",
}
ESCAPE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of products is narrowed to, and its order; the defaults are every product by id."""

    category: str | None = None
    search: str | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    ordering: str = ""


def select(*, filters: Filters, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many active products there are in all (0 beyond the last one), and the rows from `offset`."""
    parameters: dict[str, Any] = {"limit": limit, "offset": offset}
    where = ["active"]
    for name, condition in CONDITIONS.items():
        value = getattr(filters, name)
        if value is not None:
            where.append(condition)
            parameters[name] = f"%{value.translate(ESCAPE)}%" if name == "search" else value
    statement = LIST.format(where=" AND ".join(where), order=ORDERINGS[filters.ordering])
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    return (rows[0][-1] if rows else 0), [dict(zip(COLUMNS, row, strict=False)) for row in rows]


def select_one(*, product: int) -> dict[str, Any] | None:
    """The active product of this id, or None."""
    with connection.cursor() as cursor:
        cursor.execute(ONE, [product])
        row = cursor.fetchone()
    return None if row is None else dict(zip(COLUMNS, row, strict=True))
