"""Stock changes through orders and adjustments, which leave a movement, not in the admin."""

from django.contrib import admin

from shop.inventory.models import StockItem, StockMovement
from strangler.chassis.admin import ReadOnlyAdmin


@admin.register(StockItem)
class StockItemAdmin(ReadOnlyAdmin):
    list_display = ["product_id", "on_hand", "reserved"]
    search_fields = ["product_id__exact"]


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "product_id", "delta", "reason", "order"]
    search_fields = ["order", "reason"]
