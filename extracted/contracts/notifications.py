"""Notifications: what customers are told. It listens to events; nobody commands it."""

from datetime import datetime

import msgspec

from strangler.chassis.ports import Port, query


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A message to a customer; `kind` names the event that caused it."""

    id: int
    kind: str
    subject: str
    body: str
    created_at: datetime


class Notifications(Port):
    """The port of what customers were told."""

    domain = "notifications"

    @query
    def about_order(self, *, user: int, order: str) -> list[Notification]:
        """What this user was told of this order, newest first."""


notifications = Notifications()
