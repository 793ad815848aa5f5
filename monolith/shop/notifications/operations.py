"""What notifications does, for its own entry points and, through the port, for other domains."""

from typing import Any

from contracts.notifications import Notification
from shop.notifications import models

FIELDS = ("id", "kind", "subject", "body", "created_at")


def about_order(*, user: int, order: str) -> list[Notification]:
    rows = models.Notification.objects.filter(user_id=user, order=order).order_by("-id").values(*FIELDS)
    return [Notification(**row) for row in rows]


def notify(*, user: int, email: str, order: str, kind: str, subject: str, body: str) -> None:
    """Note a message to the customer; the worker sends it. Call it in the transaction of its cause."""
    models.Notification.objects.create(
        user_id=user, email=email, order=order, kind=kind, subject=subject, body=body
    )


def own(*, user: int) -> Any:
    """The user's messages as a queryset, newest first."""
    return models.Notification.objects.filter(user_id=user).order_by("-id").only(*FIELDS)
