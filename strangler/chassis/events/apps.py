"""The Django app of the outbox and inbox."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The outbox and inbox tables of a host."""

    name = "strangler.chassis.events"
    label = "events"
