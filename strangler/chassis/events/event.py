"""The base of every event that a contract declares."""

from typing import ClassVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, in the past tense.

    `TYPE` is its stable name ("<domain>.<what_happened>"); `KEY` names the field that identifies the
    aggregate: events of one aggregate are delivered in the order in which they were published.
    """

    TYPE: ClassVar[str]
    KEY: ClassVar[str]

    @property
    def aggregate(self) -> str:
        return str(getattr(self, type(self).KEY))
