"""Keeping listens to making."""

from strangler.chassis.events import Event, Handler
from tests.chassis.events.contracts import Made, Packed
from tests.chassis.events.keeping import operations


def keep(event: Made) -> None:
    operations.keep(name=event.name, number=event.number, how=event.how)


def keep_packed(event: Packed) -> None:
    operations.keep(name=event.name, number=event.number, how=event.how)


HANDLERS: dict[type[Event], list[Handler]] = {Made: [keep], Packed: [keep_packed]}
