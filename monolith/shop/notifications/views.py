from typing import Any

from rest_framework.generics import ListAPIView

from shop.notifications import operations
from shop.notifications.models import Notification
from shop.notifications.serializers import NotificationSerializer
from strangler.chassis.auth import caller


class Notifications(ListAPIView[Notification]):
    """The caller's own messages, newest first."""

    serializer_class = NotificationSerializer
    queryset = Notification.objects.none()

    def get_queryset(self) -> Any:
        return operations.own(user=caller(self.request).id)
