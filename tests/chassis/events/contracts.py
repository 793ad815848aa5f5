"""Two tiny domains: `making` says what it made, `keeping` listens and keeps."""

from typing import ClassVar

from strangler.chassis.events.event import PROTOBUF, Event
from strangler.chassis.ports import Port, query


class Made(Event, frozen=True, kw_only=True):
    """The `number`th thing of this name was made. `how` tells the listener what to do about it."""

    TYPE: ClassVar[str] = "making.made"
    KEY: ClassVar[str] = "name"
    name: str
    number: int
    how: str = "keep"


class Packed(Event, frozen=True, kw_only=True):
    """As Made, in Protobuf."""

    TYPE: ClassVar[str] = "making.packed"
    KEY: ClassVar[str] = "name"
    CONTENT_TYPE: ClassVar[str] = PROTOBUF
    name: str
    number: int
    how: str = "keep"


class Making(Port):
    """The port of what makes."""

    domain = "making"

    @query
    def made(self) -> int:
        """How much."""


class Keeping(Port):
    """The port of what keeps."""

    domain = "keeping"

    @query
    def kept(self) -> int:
        """How much."""


making = Making()
keeping = Keeping()
