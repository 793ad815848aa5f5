"""Who listens to what in this process."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from strangler.chassis.errors import ChassisError
from strangler.chassis.events.event import Event

Handler = Callable[[Any], None]


class DuplicateHandler(ChassisError):
    """A handler was subscribed twice to the same event."""


_types: dict[str, type[Event]] = {}
_handlers: dict[str, dict[str, Handler]] = {}


def subscribe(handlers: Mapping[type[Event], Iterable[Handler]]) -> None:
    """Register a domain's HANDLERS table. A handler's inbox name is its dotted path."""
    for event_type, functions in handlers.items():
        _types[event_type.TYPE] = event_type
        names = _handlers.setdefault(event_type.TYPE, {})
        for function in functions:
            name = f"{function.__module__}.{function.__qualname__}"
            if name in names:
                raise DuplicateHandler(f"{name} is subscribed to {event_type.TYPE} already.")
            names[name] = function


def handlers_of(event_type: str) -> dict[str, Handler]:
    """This process's handlers of an event, by inbox name, in the order of subscription."""
    return _handlers.get(event_type, {})


def event_class(event_type: str) -> type[Event]:
    """The class of an event that somebody here subscribes to; KeyError otherwise."""
    return _types[event_type]
