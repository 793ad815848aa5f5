"""The base of every event that a contract declares."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

JSON = "application/json"
PROTOBUF = "application/protobuf"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, in the past tense.

    `TYPE` is its stable name ("<domain>.<what_happened>"); `KEY` names the field that identifies the
    aggregate: events of one aggregate are delivered in the order in which they were published.
    `CONTENT_TYPE` is how it travels between hosts: JSON, or PROTOBUF for those who want it smaller.
    """

    TYPE: ClassVar[str]
    KEY: ClassVar[str]
    CONTENT_TYPE: ClassVar[str] = JSON

    @property
    def aggregate(self) -> str:
        return str(getattr(self, type(self).KEY))


def declared(base: type[Event] = Event) -> Iterator[type[Event]]:
    """Every event of the contracts that this process has loaded."""
    for kind in base.__subclasses__():
        if hasattr(kind, "TYPE"):
            yield kind
        yield from declared(kind)
