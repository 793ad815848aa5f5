from django.db import models
from django.db.models import Q
from django.utils import timezone

from strangler.chassis.references import reference


class Notification(models.Model):
    """A message to a customer, shown in the shop and sent by e-mail.

    `sent_at` is null until the mail server took it; it is tried again from `send_after` on. `refused_at`
    is set when the server said that it never will take it.
    """

    user = reference("accounts.User", related_name="notifications", db_index=False)
    order = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=50)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    email = models.EmailField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    send_after = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_user"),
            models.Index(fields=["order", "user"], name="notification_order"),
            models.Index(
                fields=["send_after"],
                condition=Q(sent_at=None, refused_at=None),
                name="notification_unsent",
            ),
        ]

    def __str__(self) -> str:
        return self.subject
