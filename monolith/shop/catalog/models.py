from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

CURRENCY = "EUR"
"""The shop's only one: carts and orders add prices up."""


class Category(models.Model):
    """A shelf of the shop; products name it by its slug."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What can be bought. A withdrawn product (`active` is false) stays for the orders that name it."""

    sku = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=150)
    description = models.TextField(blank=True, max_length=5000)
    price = models.DecimalField(max_digits=10, decimal_places=2, validators=[MinValueValidator(0)])
    currency = models.CharField(max_length=3, default=CURRENCY, choices=[(CURRENCY, CURRENCY)])
    category = models.ForeignKey(
        Category,
        to_field="slug",
        db_column="category",
        on_delete=models.PROTECT,
        related_name="products",
        db_index=False,
    )
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(price__gte=0), name="product_price_not_negative")]
        indexes = [
            models.Index(fields=["id"], condition=Q(active=True), name="product_active"),
            models.Index(fields=["category", "id"], condition=Q(active=True), name="product_active_category"),
            models.Index(fields=["price", "id"], condition=Q(active=True), name="product_active_price"),
            models.Index(fields=["name", "id"], condition=Q(active=True), name="product_active_name"),
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"


class Revision(models.Model):
    """One row, whose token every change of a category or product replaces in its own transaction.

    Triggers do it, so whatever was read together with a token is still so while the token is the same.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    token = models.UUIDField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_revision")]

    def __str__(self) -> str:
        return str(self.token)
