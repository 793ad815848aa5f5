from django.contrib import admin

from shop.payments.models import Intent, Payment, Refund


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Money moves at the provider, not in the admin."""

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Payment)
class PaymentAdmin(ReadOnly):
    list_display = ["created_at", "order", "reference", "status", "amount", "currency"]
    list_filter = ["status"]
    search_fields = ["order", "reference"]


@admin.register(Refund)
class RefundAdmin(ReadOnly):
    list_display = ["created_at", "payment", "reference", "amount"]


@admin.register(Intent)
class IntentAdmin(ReadOnly):
    list_display = ["prepared_at", "order", "attempt", "state"]
    list_filter = ["state"]
