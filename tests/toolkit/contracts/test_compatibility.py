"""Which changes of a contract old callers can live with, and how the others are named."""

from decimal import Decimal
from types import ModuleType
from typing import Any, ClassVar, Literal

import msgspec
import pytest

from strangler.chassis.errors import ContractError
from strangler.chassis.events.event import PROTOBUF, Event
from strangler.chassis.ports import Port, command, query
from strangler.toolkit.contracts import schemas
from strangler.toolkit.contracts.compatibility import breaks


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    id: int
    price: Decimal
    state: Literal["new", "old"]
    note: str = ""


class Gone(ContractError):
    """It is gone."""

    code = "gone"
    thing: int


class Moved(Event, frozen=True, kw_only=True):
    """It moved."""

    TYPE: ClassVar[str] = "things.moved"
    KEY: ClassVar[str] = "thing"
    thing: int
    to: str


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """What it is packed in."""

    number: int
    weights: list[float] = []


class Packed(Event, frozen=True, kw_only=True):
    """It was packed."""

    TYPE: ClassVar[str] = "things.packed"
    KEY: ClassVar[str] = "thing"
    CONTENT_TYPE: ClassVar[str] = PROTOBUF
    thing: int
    by: str
    boxes: list[Box] = []


class Things(Port):
    """The contract as it was."""

    domain = "things"

    @query(raises=[Gone])
    def things(self, *, ids: list[int], limit: int = 10) -> dict[int, Thing]:
        """These."""

    @command
    def move(self, *, thing: int, to: str | None, key: str) -> None:
        """There."""


def document() -> schemas.Document:
    module = ModuleType("things")
    module.__dict__.update(things=Things(), Moved=Moved, Packed=Packed, Thing=Thing, Gone=Gone)
    Moved.__module__ = Packed.__module__ = "things"
    return schemas.document(module, "things")


def at(document: Any, path: str) -> Any:
    for step in path.split("/"):
        document = document[step]
    return document


def changed(path: str, **values: Any) -> schemas.Document:
    """The document with these keys at the path; None takes one away."""
    new = document()
    place = at(new, path)
    for key, value in values.items():
        if value is None:
            place.pop(key)
        else:
            place[key] = value
    return new


def field(definition: str, name: str, schema: dict[str, Any], *, required: bool) -> schemas.Document:
    """The document in which a type has one more field."""
    new = document()
    place = at(new, f"$defs/{definition}")
    place["properties"][name] = schema
    if required:
        place["required"] = [*place["required"], name]
    return new


def without(definition: str, name: str) -> schemas.Document:
    new = document()
    place = at(new, f"$defs/{definition}")
    del place["properties"][name]
    place["required"] = [n for n in place["required"] if n != name]
    return new


def test_nothing_changed() -> None:
    assert breaks(document(), document()) == []


@pytest.mark.parametrize(
    "new",
    [
        field("things_arguments", "order", {"type": "string", "default": ""}, required=False),
        field("Thing", "weight", {"type": "integer", "default": 0}, required=False),
        field("Moved", "by", {"type": "string", "default": ""}, required=False),
        changed("events/things.packed/protobuf/Packed", more="optional string = 4"),
        changed("methods", more={**document()["methods"]["things"], "errors": []}),
        changed("$defs/Thing", description="Said better."),
        without("Thing", "note"),
        changed("methods/things", errors=[]),
        changed("$defs/things_arguments/properties", limit={"type": "number", "default": 10}),
        changed("$defs/Thing/properties", state={"enum": ["new"]}),
    ],
    ids=[
        "argument with a default",
        "result field with a default",
        "event field with a default",
        "Protobuf field with a number of its own",
        "a method more",
        "words",
        "optional field taken away",
        "an error less",
        "argument widened",
        "a value less",
    ],
)
def test_old_callers_can_live_with(new: schemas.Document) -> None:
    assert breaks(document(), new) == []


@pytest.mark.parametrize(
    ("new", "named"),
    [
        (changed("methods", move=None), "method move: removed"),
        (changed("methods/things", kind="command"), "method things: was a query, is a command"),
        (changed("methods/move", errors=["Gone"]), "method move: raises Gone, which old callers do not know"),
        (without("things_arguments", "ids"), "method things, argument `ids`: removed"),
        (
            field("move_arguments", "speed", {"type": "integer"}, required=True),
            "method move, argument `speed`: is new and has no default",
        ),
        (
            changed("$defs/move_arguments/properties", to={"type": "string"}),
            "method move, argument `to`: null is no longer accepted",
        ),
        (
            changed("$defs/things_arguments/properties", limit={"type": "integer", "default": 5}),
            "method things, argument `limit`: its default was 10, is 5",
        ),
        (without("Thing", "price"), "method things, result{} `price`: removed"),
        (
            changed("$defs/Thing/properties", price={"type": "number"}),
            "method things, result{} `price`: was decimal, is number",
        ),
        (
            changed("$defs/Thing/properties", state={"enum": ["new", "old", "lost"]}),
            "method things, result{} `state`: the value 'lost' is new to old readers",
        ),
        (
            field("Thing", "weight", {"type": "integer"}, required=True),
            "method things, result{} `weight`: is new and has no default",
        ),
        (without("Gone", "thing"), "error Gone, field `thing`: removed"),
        (changed("errors/Gone", status=404), "error Gone: status was 409, is 404"),
        (changed("events/things.moved", key="to"), "event things.moved: its key was 'thing', is 'to'"),
        (without("Moved", "to"), "event things.moved, field `to`: removed"),
        (
            changed("events/things.packed", protobuf=None),
            "event things.packed: travelled as Protobuf, travels as JSON",
        ),
        (
            changed("events/things.packed/protobuf/Packed", by="optional string = 4"),
            "event things.packed, Protobuf `Packed.by`: was `optional string = 2`, is `optional string = 4`",
        ),
        (
            changed("events/things.packed/protobuf/Packed", boxes=None, to="optional string = 3"),
            "event things.packed, Protobuf `Packed.to`: has the number that was `boxes`'s",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_break_is_named(new: schemas.Document, named: str) -> None:
    assert breaks(document(), new) == [named]


def test_protobuf_numbers_are_pinned() -> None:
    assert document()["events"]["things.packed"]["protobuf"] == {
        "Packed": {"thing": "optional int64 = 1", "by": "optional string = 2", "boxes": "repeated Box = 3"},
        "Box": {"number": "optional int64 = 1", "weights": "repeated double = 2"},
    }
    assert "protobuf" not in document()["events"]["things.moved"]
