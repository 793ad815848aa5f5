"""Events as Protobuf messages: what goes in comes out, across versions, and what cannot go in is named."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

import msgspec
import pytest

from strangler.chassis.events import protobuf
from strangler.chassis.events.event import PROTOBUF, Event


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of it."""

    sku: str
    weights: list[float] = []


class Shipped(Event, frozen=True, kw_only=True):
    """Every type that Protobuf takes."""

    TYPE: ClassVar[str] = "tests.shipped"
    KEY: ClassVar[str] = "id"
    CONTENT_TYPE: ClassVar[str] = PROTOBUF
    id: UUID
    number: int
    price: Decimal
    at: datetime
    fragile: bool
    how: Literal["air", "sea"]
    parts: list[Part]
    weight: float = 0.0
    note: str | None = None


class Older(Event, frozen=True, kw_only=True):
    """Shipped as it was before it had a weight and a note."""

    TYPE: ClassVar[str] = "tests.shipped"
    KEY: ClassVar[str] = "id"
    id: UUID
    number: int
    price: Decimal
    at: datetime
    fragile: bool
    how: Literal["air", "sea"]
    parts: list[Part]


EVENT = Shipped(
    id=UUID("7f4a2c64-3f0e-4b56-9d0a-1a2b3c4d5e6f"),
    number=2**62,
    price=Decimal("12.30"),
    at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    fragile=False,
    how="sea",
    parts=[Part(sku="a", weights=[1.5, 0.0]), Part(sku="")],
    note="",
)


@pytest.mark.parametrize("event", [EVENT, msgspec.structs.replace(EVENT, parts=[], note=None, number=0)])
def test_event_survives_the_trip(event: Shipped) -> None:
    encoded = protobuf.encode(event)
    assert protobuf.decode(Shipped, encoded) == event
    assert len(encoded) < len(msgspec.json.encode(event))


def test_old_readers_leave_new_fields_out_and_new_ones_fill_them_in() -> None:
    old = protobuf.decode(Older, protobuf.encode(EVENT))
    assert old == Older(**{name: getattr(EVENT, name) for name in Older.__struct_fields__})
    assert protobuf.decode(Shipped, protobuf.encode(old)) == msgspec.structs.replace(EVENT, note=None)


def test_its_source_is_in_protobufs_own_language() -> None:
    assert protobuf.source(Part) == (
        'syntax = "proto2";\n\npackage events;\n\n'
        "message Part {\n  optional string sku = 1;\n  repeated double weights = 2;\n}\n"
    )


@pytest.mark.parametrize("body", [b"\xff", b"", b"\x08\x01"])
def test_no_message_of_it_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        protobuf.decode(Shipped, body)


def test_field_that_does_not_go_into_a_message_is_named() -> None:
    class Odd(Event, frozen=True, kw_only=True):
        TYPE: ClassVar[str] = "tests.odd"
        KEY: ClassVar[str] = "name"
        name: str
        by: dict[str, int]

    with pytest.raises(protobuf.NoSuchField, match=r"Odd.by: Protobuf has nothing for it"):
        protobuf.described(Odd)


def test_optional_field_needs_none_as_its_default() -> None:
    class Odd(Event, frozen=True, kw_only=True):
        TYPE: ClassVar[str] = "tests.odd"
        KEY: ClassVar[str] = "name"
        name: str | None

    with pytest.raises(protobuf.NoSuchField, match=r"Odd.name: .* None is its default"):
        protobuf.described(Odd)
