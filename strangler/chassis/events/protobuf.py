"""Events as Protobuf messages, made from their fields: no compiler, no generated code.

Fields are numbered in the order of their declaration; the golden schemas pin the numbers. Decimals, dates and
identifiers are strings, as in JSON.
"""

from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message, message_factory
from msgspec.inspect import (
    BoolType,
    DateTimeType,
    DateType,
    DecimalType,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    UUIDType,
)

from strangler.chassis.errors import ChassisError
from strangler.chassis.events.event import Event

E = TypeVar("E", bound=Event)
PACKAGE = "events"
Field = descriptor_pb2.FieldDescriptorProto
SCALARS: list[tuple[Any, int]] = [
    (BoolType, Field.TYPE_BOOL),
    (IntType, Field.TYPE_INT64),
    (FloatType, Field.TYPE_DOUBLE),
    ((StrType, DecimalType, DateTimeType, DateType, UUIDType, LiteralType), Field.TYPE_STRING),
]


class NoSuchField(ChassisError):
    """An event's field has a type that does not go into a Protobuf message."""


def encode(event: Event) -> bytes:
    """The event's message."""
    built = json_format.ParseDict(msgspec.to_builtins(event), _message_class(type(event))())
    encoded: bytes = built.SerializeToString(deterministic=True)
    return encoded


def decode(kind: type[E], body: bytes) -> E:
    """The event of a message; raises msgspec.ValidationError if it is none. Fields that are new since are
    left out, those that it lacks have their defaults."""
    found = _message_class(kind)()
    try:
        found.ParseFromString(body)
    except message.DecodeError as error:
        raise msgspec.ValidationError(f"not a Protobuf message of {kind.__name__}: {error}") from error
    # Without it, an empty list would be a field left out.
    values = json_format.MessageToDict(
        found, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return msgspec.convert(values, kind, strict=False)


def described(kind: type[msgspec.Struct]) -> dict[str, dict[str, str]]:
    """Each message that the event needs with its fields, as Protobuf writes them: {"Made": {"name": "optional
    string = 1"}}."""
    return {
        found.name: {field.name: _written(field) for field in found.field}
        for found in _file(kind).message_type
    }


def source(kind: type[msgspec.Struct]) -> str:
    """The messages in Protobuf's own language, for listeners that have a compiler."""
    parts = ['syntax = "proto2";', f"package {PACKAGE};"]
    for name, fields in described(kind).items():
        lines = []
        for field, written in fields.items():
            declared, _, number = written.partition(" = ")
            lines.append(f"  {declared} {field} = {number};")
        parts.append("\n".join([f"message {name} {{", *lines, "}"]))
    return "\n\n".join(parts) + "\n"


def _written(field: Any) -> str:
    label = Field.Label.Name(field.label).removeprefix("LABEL_").lower()
    kind = field.type_name.rpartition(".")[2] or Field.Type.Name(field.type).removeprefix("TYPE_").lower()
    return f"{label} {kind} = {field.number}"


@cache
def _message_class(kind: type[msgspec.Struct]) -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file(kind))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{kind.__name__}"))


def _file(kind: type[msgspec.Struct]) -> Any:
    # Of proto2's syntax: it knows a field that is left out from one that is empty, with the same bytes.
    file = descriptor_pb2.FileDescriptorProto(name=kind.__name__, package=PACKAGE, syntax="proto2")
    kinds, at = [kind], 0
    while at < len(kinds):
        described = file.message_type.add(name=kinds[at].__name__)
        for number, field in enumerate(msgspec.structs.fields(kinds[at]), 1):
            where = f"{kinds[at].__name__}.{field.name}"
            known = _field(msgspec.inspect.type_info(field.type), field, where)
            nested = described.field.add(name=field.name, number=number, label=known.label, type=known.kind)
            if known.nested is not None:
                nested.type_name = f".{PACKAGE}.{known.nested.__name__}"
                if known.nested not in kinds:
                    kinds.append(known.nested)
        at += 1
    return file


class _Known(NamedTuple):
    label: int
    kind: int
    nested: type[msgspec.Struct] | None = None


def _field(kind: Type, field: msgspec.structs.FieldInfo, where: str) -> _Known:
    if isinstance(kind, UnionType):
        others = [one for one in kind.types if not isinstance(one, NoneType)]
        if len(others) != 1 or field.default is not None:
            raise NoSuchField(f"{where}: an alternative is a type or None, and None is its default.")
        kind = others[0]
    label = Field.LABEL_OPTIONAL
    if isinstance(kind, ListType):
        label, kind = Field.LABEL_REPEATED, kind.item_type
    if isinstance(kind, StructType):
        return _Known(label, Field.TYPE_MESSAGE, kind.cls)
    for types, number in SCALARS:
        if isinstance(kind, types):
            return _Known(label, number)
    raise NoSuchField(
        f"{where}: Protobuf has nothing for it. Known are text, numbers, dates, lists, structs."
    )
