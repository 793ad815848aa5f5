from django.contrib import admin
from django.http import HttpRequest

from shop.catalog.models import Category, Product


@admin.register(Category)
class Categories(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug")
    search_fields = ("name", "slug")

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> tuple[str, ...]:
        """Products name a category by its slug, which therefore stays."""
        return ("slug",) if obj else ()


@admin.register(Product)
class Products(admin.ModelAdmin):  # type: ignore[type-arg]
    """Products are withdrawn, never deleted: orders name them."""

    list_display = ("sku", "name", "category", "price", "currency", "active")
    list_filter = ("active", "category")
    list_select_related = ("category",)
    search_fields = ("sku", "name")

    def has_add_permission(self, request: object) -> bool:
        """New products come by the API, which tells inventory of them."""
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False
