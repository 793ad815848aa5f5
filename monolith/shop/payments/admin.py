"""Money moves at the provider, not in the admin."""

from django.contrib import admin

from shop.payments.models import Intent, Payment, Refund
from strangler.chassis.admin import ReadOnlyAdmin


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "order", "reference", "status", "amount", "currency"]
    list_filter = ["status"]
    search_fields = ["order", "reference"]


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "payment", "reference", "amount"]


@admin.register(Intent)
class IntentAdmin(ReadOnlyAdmin):
    list_display = ["prepared_at", "order", "attempt", "state"]
    list_filter = ["state"]
