"""Catalog: what the shop sells."""

from decimal import Decimal
from typing import ClassVar

import msgspec

from strangler.chassis.events import Event
from strangler.chassis.ports import Port, query


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product as other domains see it. `price` has two places, in `currency` (ISO 4217)."""

    id: int
    sku: str
    name: str
    price: Decimal
    currency: str
    active: bool


class ProductCreated(Event, frozen=True, kw_only=True):
    """A product was added to the catalogue."""

    TYPE: ClassVar[str] = "catalog.product_created"
    KEY: ClassVar[str] = "product"
    product: int
    sku: str


class Catalog(Port):
    """The port of what can be bought."""

    domain = "catalog"
    resolves = {"Product": "products"}

    @query(last_known=60.0, batched=True)
    def products(self, *, ids: list[int]) -> dict[int, Product]:
        """These products by id, withdrawn ones included (`active` is false); unknown ids are left out.

        While the catalogue is out of reach, carts and checkout go on with prices at most a minute old."""


catalog = Catalog()
