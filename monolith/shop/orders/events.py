"""Orders listens to nobody."""

from strangler.chassis.events import Event, Handler

HANDLERS: dict[type[Event], list[Handler]] = {}
