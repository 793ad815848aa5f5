"""The product list, the shop's hottest path: one statement for the rows and their count.

Rows come as JSON-ready values (PostgreSQL writes the price), so that nothing is built only to be
serialised again. A page is kept together with the catalogue's revision that it was read at (`Revision`), and
used again while that is the revision: the answer is always that of this moment, but most of the work
is done once for each change of the catalogue.
"""

from decimal import Decimal
from typing import Any

import msgspec
from django.db import connection

from strangler.chassis.postgres.reading import fetch

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
    (SELECT count(*) FROM catalog_product WHERE {where}) AS count,
    (SELECT token::text FROM catalog_revision) AS token
FROM catalog_product WHERE {where} ORDER BY {order} LIMIT %(limit)s OFFSET {offset}
"""
OFFSET = "%(offset)s"
# In the same statement: counted by one before, the last page might be gone by the time it is read.
LAST_OFFSET = """(
    SELECT greatest(count(*) - 1, 0) / %(limit)s * %(limit)s FROM catalog_product WHERE {where}
)"""
REVISION = "SELECT token::text FROM catalog_revision"
ONE = f"SELECT {', '.join(COLUMNS)} FROM catalog_product WHERE active AND id = %s".replace(  # noqa: S608
    "price", "price::text"
)
CONDITIONS = {
    "category": "category = %(category)s",
    "search": "(name ILIKE %(search)s OR sku ILIKE %(search)s OR description ILIKE %(search)s)",
    "min_price": "price >= %(min_price)s",
    "max_price": "price <= %(max_price)s",
}
KEPT_PAGES = 256
ESCAPE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})

_pages: dict[tuple["Filters", int | None, int], "Page"] = {}


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of products is narrowed to, and its order; the defaults are every product by id."""

    category: str | None = None
    search: str | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    ordering: str = ""


class Page(msgspec.Struct, frozen=True):
    """Rows, how many there are in all (0 beyond the last one), and the revision they were read at."""

    count: int
    rows: list[dict[str, Any]]
    token: str | None


def select(*, filters: Filters, offset: int | None, limit: int) -> Page:
    """The page of active products from `offset`, or the last one for None. Its rows are shared: copy them to
    change them."""
    wanted = (filters, offset, limit)
    kept = _pages.get(wanted)
    if kept is not None and not connection.in_atomic_block and fetch(REVISION) == [(kept.token,)]:
        return kept
    page = _read(*wanted)
    # A transaction may see changes of its own that never get committed.
    if page.token is not None and not connection.in_atomic_block:
        if len(_pages) >= KEPT_PAGES:
            _pages.clear()
        _pages[wanted] = page
    return page


def _read(filters: Filters, offset: int | None, limit: int) -> Page:
    parameters: dict[str, Any] = {"limit": limit, "offset": offset}
    conditions = ["active"]
    for name, condition in CONDITIONS.items():
        value = getattr(filters, name)
        if value is not None:
            conditions.append(condition)
            parameters[name] = f"%{value.translate(ESCAPE)}%" if name == "search" else value
    where = " AND ".join(conditions)
    start = LAST_OFFSET.format(where=where) if offset is None else OFFSET
    rows = fetch(LIST.format(where=where, order=ORDERINGS[filters.ordering], offset=start), parameters)
    count, token = rows[0][-2:] if rows else (0, None)
    return Page(count, [dict(zip(COLUMNS, row, strict=False)) for row in rows], token)


def select_one(*, product: int) -> dict[str, Any] | None:
    """The active product of this id, or None."""
    rows = fetch(ONE, [product])
    return dict(zip(COLUMNS, rows[0], strict=True)) if rows else None
