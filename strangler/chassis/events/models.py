"""The outbox, what came from other hosts, and the inbox."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from strangler.chassis.events.event import JSON

UNFINISHED = Q(delivered_at=None, dead_at=None)


class Pending(models.Model):
    """An event that this host's handlers are to have.

    `delivered_at` is null until each of them has had its effect, here or, where its domain is another
    host's, there: then `waits_for` names the domain, and `handed_to` the owner whose queue has been given
    the event by the sweeper. It is tried again from `deliver_after` on. `dead_at` is set when it was given up
    and put into the dead letters; those behind it go on. `BEGAN` names the field that says since when it is
    here.
    """

    BEGAN: ClassVar[str]
    objects: ClassVar[models.Manager[Any]]

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True, default=uuid.uuid4)
    type = models.CharField(max_length=100)
    aggregate = models.CharField(max_length=100)
    payload = models.JSONField()
    traceparent = models.CharField(max_length=55, blank=True)
    occurred_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    deliver_after = models.DateTimeField(default=timezone.now)
    waits_for = models.CharField(max_length=100, blank=True)
    handed_to = models.CharField(max_length=100, blank=True, default="", db_default="")
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.type} {self.aggregate}"

    @property
    def key(self) -> dict[str, str]:
        """The fields and values by which those are found that are to be handled in order."""
        return {"aggregate": self.aggregate}


class Outbox(Pending):
    """An event of this host, written in the transaction that caused it.

    `published_at` is null until the broker has confirmed it. `body` is what goes out where that is not the
    payload as JSON.
    """

    BEGAN = "occurred_at"

    content_type = models.CharField(max_length=60, default=JSON)
    body = models.BinaryField(null=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["aggregate", "id"], name="outbox_unfinished", condition=UNFINISHED),
            models.Index(fields=["id"], name="outbox_unpublished", condition=Q(published_at=None)),
            models.Index(fields=["occurred_at"], name="outbox_age"),
        ]


class Received(Pending):
    """An event of another host, `source`, as it came; `id` is the order in which they came."""

    BEGAN = "received_at"

    source = models.CharField(max_length=100)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(
                fields=["source", "aggregate", "id"], name="received_unfinished", condition=UNFINISHED
            ),
            models.Index(fields=["received_at"], name="received_age"),
        ]

    @property
    def key(self) -> dict[str, str]:
        return {"source": self.source, "aggregate": self.aggregate}


class Inbox(models.Model):
    """A claim: this handler has handled this event. It is written with the effect, in one transaction, and
    goes along when the handler's domain moves to another host."""

    pk = models.CompositePrimaryKey("event_id", "handler")
    event_id = models.UUIDField()
    handler = models.CharField(max_length=200)
    domain = models.CharField(max_length=100)
    handled_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["handled_at"], name="inbox_age")]

    def __str__(self) -> str:
        return f"{self.handler} {self.event_id}"
