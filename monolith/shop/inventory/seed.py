"""Stock for the seeded catalogue, the same every time: plenty of most, little of some, none of a few."""

from django.db import transaction

from shop.inventory.models import StockItem, StockMovement

PRODUCTS = 1000
PLENTY, LITTLE = 100_000, 5


def pieces(product: int) -> int:
    """Every 50th product is sold out, every 25th nearly."""
    if product % 50 == 0:
        return 0
    return LITTLE if product % 25 == 0 else PLENTY


def seed() -> str:
    """Create the stock records that are missing; those that are there stay as they are."""
    with transaction.atomic():
        known = set(StockItem.objects.filter(product_id__lte=PRODUCTS).values_list("product_id", flat=True))
        missing = [product for product in range(1, PRODUCTS + 1) if product not in known]
        StockItem.objects.bulk_create(
            StockItem(product_id=product, on_hand=pieces(product)) for product in missing
        )
        StockMovement.objects.bulk_create(
            StockMovement(product_id=product, delta=pieces(product), reason="opening stock")
            for product in missing
            if pieces(product)
        )
    return f"stock of {PRODUCTS} products, {len(missing)} of them new"
