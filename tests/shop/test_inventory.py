"""Counting pieces in and out."""

import pytest
from rest_framework.test import APIClient

from contracts.inventory import Line
from shop.catalog.models import Category, Product
from shop.inventory import operations
from shop.inventory.models import StockItem
from shop.inventory.operations import MOST

ORDER = "2026-1"


@pytest.fixture
def product(transactional_db: None) -> int:
    """One with five pieces, all of them sold to an order."""
    Category.objects.create(slug="tea", name="Tea")
    product = Product.objects.create(sku="T-1", name="Assam", price="3.50", category_id="tea").pk
    StockItem.objects.create(product_id=product, on_hand=5)
    operations.reserve(order=ORDER, lines=[Line(product=product, quantity=5)], key=ORDER)
    operations.commit(order=ORDER, key=ORDER)
    return int(product)


def test_no_more_is_counted_in_than_leaves_room_for_what_comes_back(product: int, staff: APIClient) -> None:
    path = f"/api/stock/{product}/adjust"
    for delta in (MOST + 1, 2**31 - 1):
        refused = staff.post(path, {"delta": delta, "reason": "delivery"})
        assert (refused.status_code, refused.json()["errors"][0]["attr"]) == (400, "delta")
    assert staff.post(path, {"delta": MOST, "reason": "delivery"}).json()["on_hand"] == MOST
    refused = staff.post(path, {"delta": 1, "reason": "delivery"})
    [error] = refused.json()["errors"]
    assert (refused.status_code, error["attr"], error["code"]) == (400, "delta", "max_value")
    operations.release(order=ORDER, key=ORDER)
    assert StockItem.objects.get().on_hand == MOST + 5
    assert staff.post(path, {"delta": -1, "reason": "broken"}).json()["on_hand"] == MOST + 4
