"""The keys of a plan file, as its types say them: what `strangler plan schema` prints."""

from collections.abc import Iterator
from inspect import getdoc

import msgspec
from msgspec import inspect

from strangler.toolkit.plan.form import NOUNS
from strangler.toolkit.plan.model import Plan

FIRST = "the plan"


def described() -> Iterator[str]:
    """Each kind of mapping: what it is for, and its keys with their types and defaults."""
    waiting: list[type[msgspec.Struct]] = [Plan]
    for kind in waiting:
        info = inspect.type_info(kind)
        assert isinstance(info, inspect.StructType)
        yield f"{FIRST if kind is Plan else kind.__name__}: {getdoc(kind)}\n"
        for field in info.fields:
            waiting += [found for found in _structs(field.type) if found not in waiting]
            yield f"  {field.encode_name}: {_noun(field.type)}{_default(field)}"
        yield ""


def _structs(type_: inspect.Type) -> Iterator[type[msgspec.Struct]]:
    if isinstance(type_, inspect.StructType):
        yield type_.cls
    for inner in _inner(type_):
        yield from _structs(inner)


def _inner(type_: inspect.Type) -> list[inspect.Type]:
    if isinstance(type_, inspect.Metadata):
        return [type_.type]
    if isinstance(type_, inspect.UnionType):
        return [one for one in type_.types if not isinstance(one, inspect.NoneType)]
    if isinstance(type_, inspect.ListType):
        return [type_.item_type]
    return [type_.key_type, type_.value_type] if isinstance(type_, inspect.DictType) else []


def _noun(type_: inspect.Type) -> str:
    inner = [_noun(one) for one in _inner(type_)]
    if isinstance(type_, inspect.Metadata):
        return str((type_.extra_json_schema or {}).get("description", inner[0]))
    if isinstance(type_, inspect.ListType):
        return f"a list of: {inner[0]}"
    if isinstance(type_, inspect.DictType):
        return f"a mapping: {inner[0]} → {inner[1]}"
    if isinstance(type_, inspect.StructType):
        return type_.cls.__name__
    if isinstance(type_, inspect.LiteralType):
        return "|".join(map(str, type_.values))
    return inner[0] if inner else NOUNS[type(type_)]


def _default(field: inspect.Field) -> str:
    if field.required:
        return ""
    made = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return f" (default: {made})" if made not in (None, "", [], {}) else " (optional)"
