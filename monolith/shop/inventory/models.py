from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from strangler.chassis.references import reference


class StockItem(models.Model):
    """Pieces of one product: `on_hand` in the building, `reserved` of them held for unpaid orders."""

    product = reference("catalog.Product", related_name="stock_items", db_index=False)
    on_hand = models.PositiveIntegerField(default=0)
    reserved = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product"], name="stock_item_product"),
            models.CheckConstraint(condition=Q(reserved__lte=F("on_hand")), name="stock_item_not_oversold"),
        ]

    def __str__(self) -> str:
        return f"product {self.product_id}: {self.on_hand - self.reserved} available"


class Reservation(models.Model):
    """Pieces of one product for one order: held, then taken out of the stock or given back."""

    class State(models.TextChoices):
        HELD = "held"
        TAKEN = "taken"
        RELEASED = "released"

    order = models.CharField(max_length=64)
    product = reference("catalog.Product", related_name="reservations")
    quantity = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.HELD)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "product"], name="reservation_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="reservation_of_something"),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.quantity} of product {self.product_id} {self.state}"


class StockMovement(models.Model):
    """A change of `on_hand`, never altered: the sum of a product's movements is what is on hand."""

    product = reference("catalog.Product", related_name="stock_movements")
    delta = models.IntegerField()
    reason = models.CharField(max_length=200)
    order = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # An order takes a product out once and returns it once.
            models.UniqueConstraint(
                fields=["order", "product", "reason"], condition=~Q(order=""), name="movement_once_an_order"
            )
        ]

    def __str__(self) -> str:
        return f"product {self.product_id}: {self.delta:+d} ({self.reason})"
