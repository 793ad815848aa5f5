"""The outbox and the inbox."""

import uuid

from django.db import models
from django.utils import timezone


class Outbox(models.Model):
    """An event, written in the transaction that caused it. `delivered_at` is null until every local
    handler has had its effect."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True, default=uuid.uuid4)
    type = models.CharField(max_length=100)
    aggregate = models.CharField(max_length=100)
    payload = models.JSONField()
    traceparent = models.CharField(max_length=55, blank=True)
    occurred_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True)
    deliver_after = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["aggregate", "id"], name="outbox_undelivered", condition=models.Q(delivered_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.aggregate}"


class Inbox(models.Model):
    """An effect that happened: this handler has handled this event."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField()
    handler = models.CharField(max_length=200)
    handled_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event_id", "handler"], name="inbox_once")]

    def __str__(self) -> str:
        return f"{self.handler} {self.event_id}"
