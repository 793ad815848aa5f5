from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from shop.catalog.listing import ORDERINGS, Filters
from shop.catalog.models import CURRENCY, Category, Product
from shop.catalog.remembering import Remembered


class FiltersSerializer(serializers.Serializer[Any]):
    """The product list's query parameters."""

    category = serializers.CharField(required=False, max_length=60, help_text="A category's slug")
    search = serializers.CharField(required=False, max_length=100, help_text="In name, SKU or description")
    min_price = serializers.DecimalField(required=False, max_digits=12, decimal_places=2, min_value=0)
    max_price = serializers.DecimalField(required=False, max_digits=12, decimal_places=2, min_value=0)
    ordering = serializers.ChoiceField(required=False, choices=[name for name in ORDERINGS if name])


@Remembered
def parse_filters(query: str) -> Filters:
    """The filters of a query string; raises ValidationError. Empty parameters count as left out."""
    given = {name: value for name, value in QueryDict(query).items() if value}
    form = FiltersSerializer(data=given)
    form.is_valid(raise_exception=True)
    return Filters(**form.validated_data)


class CategorySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["slug", "name"]


class ProductSerializer(serializers.ModelSerializer[Product]):
    """What staff write; reading is by hand-written rows of the same fields and `available`."""

    sku = serializers.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=40,
        validators=[UniqueValidator(queryset=Product.objects.all(), message="This SKU is taken.")],
    )
    currency = serializers.ChoiceField([CURRENCY], required=False, default=CURRENCY, help_text="ISO 4217")
    category = serializers.SlugField(max_length=60, source="category_id")
    available = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Pieces; null while inventory does not answer"
    )

    class Meta:
        model = Product
        fields = ["id", "sku", "name", "description", "price", "currency", "category", "available"]
        extra_kwargs = {"description": {"required": False, "default": ""}, "price": {"min_value": 0}}

    def validate_category(self, slug: str) -> str:
        if not Category.objects.filter(slug=slug).exists():
            raise serializers.ValidationError("There is no such category.", code="does_not_exist")
        return slug


class ProductPageSerializer(serializers.Serializer[Any]):
    """A page of products; only described here, the list is written by hand."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ProductSerializer(many=True)
