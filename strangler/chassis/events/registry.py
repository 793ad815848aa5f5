"""Who listens to what in this process."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from strangler.chassis.errors import ChassisError
from strangler.chassis.events.event import Event, declared

Handler = Callable[[Any], None]


class DuplicateHandler(ChassisError):
    """A handler was subscribed twice to the same event."""


@dataclass(frozen=True)
class Subscription:
    """A handler and the domain whose effect it has. It claims events by its `name`, its dotted path."""

    name: str
    domain: str
    function: Handler


_types: dict[str, type[Event]] = {}
_handlers: dict[str, list[Subscription]] = {}


def subscribe(handlers: Mapping[type[Event], Iterable[Handler]], *, domain: str) -> None:
    """Register a domain's HANDLERS table."""
    for event_type, functions in handlers.items():
        _types[event_type.TYPE] = event_type
        known = _handlers.setdefault(event_type.TYPE, [])
        for function in functions:
            name = f"{function.__module__}.{function.__qualname__}"
            if any(subscription.name == name for subscription in known):
                raise DuplicateHandler(f"{name} is subscribed to {event_type.TYPE} already.")
            known.append(Subscription(name, domain, function))


def handlers_of(event_type: str) -> list[Subscription]:
    """This process's handlers of an event, in the order of subscription."""
    return _handlers.get(event_type, [])


def subscribed_types() -> list[str]:
    """The types of the events that somebody here handles."""
    return sorted(name for name, handlers in _handlers.items() if handlers)


def other_types() -> list[str]:
    """The types of the events that are known here and that nobody here handles."""
    return sorted({kind.TYPE for kind in declared()} - set(subscribed_types()))


def event_class(event_type: str) -> type[Event]:
    """The class of an event that somebody here subscribes to; KeyError otherwise."""
    return _types[event_type]


def domains() -> set[str]:
    """Those that handle anything here."""
    return {handler.domain for handlers in _handlers.values() for handler in handlers}
