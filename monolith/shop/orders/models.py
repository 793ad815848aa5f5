from django.db import models
from django.db.models import Q
from django.utils import timezone

from strangler.chassis.references import reference


class CartLine(models.Model):
    """What a customer means to buy."""

    user = reference("accounts.User", related_name="cart_lines", db_index=False)
    product = reference("catalog.Product", related_name="cart_lines")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "product"], name="cart_line_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="cart_line_of_something"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of product {self.product_id}"


class Order(models.Model):
    """A paid order; names, prices and the address are those of the moment of checkout."""

    class Status(models.TextChoices):
        CONFIRMED = "confirmed"
        CANCELLED = "cancelled"

    number = models.CharField(max_length=64, unique=True)
    user = reference("accounts.User", related_name="orders", db_index=False)
    email = models.EmailField(max_length=254)
    status = models.CharField(max_length=10, choices=Status, default=Status.CONFIRMED)
    total = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3)
    address = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["user", "-id"], name="order_user")]

    def __str__(self) -> str:
        return f"{self.number} {self.status}"


class OrderLine(models.Model):
    """A line of an order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = reference("catalog.Product", related_name="order_lines")
    sku = models.CharField(max_length=40)
    name = models.CharField(max_length=150)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    quantity = models.PositiveIntegerField()
    total = models.DecimalField(max_digits=16, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "product"], name="order_line_once")]
        ordering = ["id"]  # as they were answered at checkout: PostgreSQL promises none

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"


class CheckoutKey(models.Model):
    """An Idempotency-Key and the answer that it got (IETF draft-ietf-httpapi-idempotency-key-header).

    The row is written before the checkout's transaction and locked within it: whoever comes with the
    same key waits, then gets the same answer. `answer` is null until there is one to repeat.
    """

    user = reference("accounts.User", related_name="checkout_keys", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    number = models.CharField(max_length=64, unique=True)
    answer = models.TextField(null=True)  # noqa: DJ001 - JSON as text: its order is part of the answer
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="checkout_key_once")]

    def __str__(self) -> str:
        return f"{self.key} → {self.number}"
