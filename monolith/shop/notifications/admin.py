from typing import Any

from django.contrib import admin
from django.utils import timezone

from shop.notifications.models import Notification
from strangler.chassis.admin import ReadOnlyAdmin


@admin.register(Notification)
class Notifications(ReadOnlyAdmin):
    list_display = ("created_at", "email", "kind", "order", "sent_at", "refused_at", "attempts")
    list_filter = ("kind", "sent_at", "refused_at")
    search_fields = ("email", "order")
    actions = ["send_again"]

    @admin.action(description="Send again", permissions=["send"])
    def send_again(self, request: Any, queryset: Any) -> None:
        queryset.update(sent_at=None, refused_at=None, send_after=timezone.now(), attempts=0)
        self.message_user(request, "The worker sends them with its next run.")

    def has_send_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("notifications.change_notification"))
