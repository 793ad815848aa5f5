"""Values against msgspec types, collecting every mistake; msgspec's own decoder stops at the first."""

import re
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect

from strangler.toolkit.plan.lines import Lines
from strangler.toolkit.plan.problems import Place, Problems, suggestion

T = TypeVar("T", bound=msgspec.Struct)
NOUNS = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.BoolType: "true or false",
    inspect.ListType: "a list",
    inspect.DictType: "a mapping",
    inspect.StructType: "a mapping",
}


def conform(value: Any, type_: type[T], *, lines: Lines, problems: Problems) -> T:
    """`value` as an instance of `type_`; every mistake goes to `problems`, its value is a stand-in."""
    checker = _Form(lines=lines, problems=problems)
    return cast(T, checker.read(value, inspect.type_info(type_), ()))


class _Form:
    def __init__(self, *, lines: Lines, problems: Problems) -> None:
        self.lines, self.problems = lines, problems

    def read(self, value: Any, type_: inspect.Type, place: Place, description: str = "") -> Any:
        if isinstance(type_, inspect.Metadata):
            return self.read(value, type_.type, place, (type_.extra_json_schema or {}).get("description", ""))
        if isinstance(type_, inspect.UnionType):
            (inner,) = [t for t in type_.types if not isinstance(t, inspect.NoneType)]
            return None if value is None else self.read(value, inner, place, description)
        if isinstance(type_, inspect.StructType) and isinstance(value, dict):
            return self._struct(value, type_, place)
        if isinstance(type_, inspect.ListType) and isinstance(value, list):
            return [self.read(item, type_.item_type, (*place, i)) for i, item in enumerate(value)]
        if isinstance(type_, inspect.DictType) and isinstance(value, dict):
            return self._mapping(value, type_, place)
        if isinstance(type_, inspect.LiteralType) and isinstance(value, str):
            if value in type_.values:
                return value
            known = [str(v) for v in type_.values]
            return self._wrong(place, f"`{value}` is not known here.", suggestion(value, known), type_)
        if isinstance(type_, inspect.StrType) and isinstance(value, str):
            return self._text(value, type_, place, description)
        if isinstance(type_, inspect.BoolType) and isinstance(value, bool):
            return value
        if isinstance(type_, inspect.IntType) and isinstance(value, int) and not isinstance(value, bool):
            if type_.ge is not None and value < type_.ge:
                return self._wrong(place, f"{value} is too small.", f"Use {type_.ge} or more.", type_)
            return value
        noun = NOUNS.get(type(type_), "one of " + ", ".join(map(str, getattr(type_, "values", ()))))
        where = f"`{place[-1]}`" if place and isinstance(place[-1], str) else "This"
        return self._wrong(place, f"{where} is {_kind(value)}.", f"It must be {noun}.", type_)

    def _text(self, value: str, type_: inspect.StrType, place: Place, description: str) -> str:
        if type_.pattern is not None and not re.search(type_.pattern, value):
            self._wrong(place, f"`{value}` is not of the right form.", f"Write it {description}.", type_)
        return value

    def _struct(self, value: dict[Any, Any], type_: inspect.StructType, place: Place) -> Any:
        names = [field.encode_name for field in type_.fields]
        for key in value:
            if key not in names:
                self.problems.add(
                    line=self.lines[(*place, key)],
                    what=f"`{key}` is not a key of {_part(place)}.",
                    remedy=suggestion(key, names),
                )
        fields: dict[str, Any] = {}
        for field in type_.fields:
            inner = (*place, field.encode_name)
            if field.encode_name in value:
                fields[field.name] = self.read(value[field.encode_name], field.type, inner)
            elif field.required:
                self.lines.setdefault(inner, self.lines[place])
                fields[field.name] = self._wrong(
                    inner, f"`{field.name}` is missing in {_part(place)}.", "Add it.", field.type
                )
        return type_.cls(**fields)

    def _mapping(self, value: dict[Any, Any], type_: inspect.DictType, place: Place) -> dict[Any, Any]:
        return {
            self.read(key, type_.key_type, (*place, key)): self.read(item, type_.value_type, (*place, key))
            for key, item in value.items()
        }

    def _wrong(self, place: Place, what: str, remedy: str, type_: inspect.Type) -> Any:
        self.problems.add(line=self.lines[place], what=what, remedy=remedy, place=place)
        return self._stand_in(type_)

    def _stand_in(self, type_: inspect.Type) -> Any:
        if isinstance(type_, inspect.Metadata):
            return self._stand_in(type_.type)
        if isinstance(type_, inspect.StructType):
            required = {f.name: self._stand_in(f.type) for f in type_.fields if f.required}
            return type_.cls(**required)
        if isinstance(type_, inspect.LiteralType):
            return type_.values[0]
        empty: dict[type[inspect.Type], Any] = {
            inspect.StrType: "", inspect.IntType: 0, inspect.BoolType: False,
            inspect.ListType: [], inspect.DictType: {},
        }  # fmt: skip
        return empty.get(type(type_))


def _kind(value: Any) -> str:
    kinds = {type(None): "empty", bool: "true or false", int: "a number", float: "a number",
             str: "text", list: "a list", dict: "a mapping"}  # fmt: skip
    return kinds.get(type(value), f"a {type(value).__name__}")


def _part(place: Place) -> str:
    if not place:
        return "a plan"
    return "`" + ".".join(str(part) for part in place) + "`"
