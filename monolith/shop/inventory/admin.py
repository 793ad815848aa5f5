from django.contrib import admin

from shop.inventory.models import StockItem, StockMovement


@admin.register(StockItem)
class StockItemAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["product_id", "on_hand", "reserved"]
    search_fields = ["product_id__exact"]

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False  # stock changes through adjustments, which leave a movement


@admin.register(StockMovement)
class StockMovementAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["created_at", "product_id", "delta", "reason", "order"]
    search_fields = ["order", "reason"]

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False
