from django.contrib import admin

from shop.orders.models import Order, OrderLine
from strangler.chassis.admin import ReadOnlyAdmin


class LineInline(admin.TabularInline):  # type: ignore[type-arg]
    model = OrderLine
    extra = 0
    can_delete = False
    readonly_fields = fields = ("sku", "name", "price", "quantity", "total")

    def has_add_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """An order is cancelled by its customer, which moves stock and money too."""

    list_display = ["number", "email", "status", "total", "currency", "created_at"]
    list_filter = ["status"]
    search_fields = ["number", "email"]
    inlines = [LineInline]
