"""Whether those who know an old contract can live with a new one, whichever side is deployed first.

What a host *reads* (arguments) may become wider: a new argument needs a default, because old callers do not
send it. What a host *writes* (results, errors, events) may become richer: a new field needs a default too,
because a new reader meets old hosts; a field that old readers rely on stays. (The rules of schema evolution
of Avro and Protobuf, for JSON Schemas.)
"""

from collections.abc import Iterator
from typing import Any, Literal

Side = Literal["read", "written"]
Schema = dict[str, Any]

# What describes, and constrains nothing.
NOTES = {"title", "description", "examples", "default", "properties", "required", "items", "$ref", "anyOf"}
LOST: dict[Side, str] = {"read": "no longer accepted", "written": "new to old readers"}
COMPARED = {"type", "additionalProperties", "prefixItems", "enum"}


def breaks(old: Schema, new: Schema) -> list[str]:
    """What of the old document the new one breaks, each named with its method, error or event and field."""
    return list(_breaks(old, new))


def _breaks(old: Schema, new: Schema) -> Iterator[str]:
    compare = _Comparison(old.get("$defs", {}), new.get("$defs", {}))
    for name, before in old["methods"].items():
        after = new["methods"].get(name)
        if after is None:
            yield f"method {name}: removed"
            continue
        if before["kind"] != after["kind"]:
            yield f"method {name}: was a {before['kind']}, is a {after['kind']}"
        yield from compare(before["arguments"], after["arguments"], f"method {name}, argument", "read")
        yield from compare(before["result"], after["result"], f"method {name}, result", "written")
        for error in sorted(set(after["errors"]) - set(before["errors"])):
            yield f"method {name}: raises {error}, which old callers do not know"
    for name, before in old["errors"].items():
        after = new["errors"].get(name)
        if after is None:
            continue
        for what in ("code", "status"):
            if before[what] != after[what]:
                yield f"error {name}: {what} was {before[what]!r}, is {after[what]!r}"
        yield from compare(before["fields"], after["fields"], f"error {name}, field", "written")
    for name, before in old["events"].items():
        after = new["events"].get(name)
        if after is None:
            yield f"event {name}: removed"
            continue
        if before["key"] != after["key"]:
            yield f"event {name}: its key was {before['key']!r}, is {after['key']!r}"
        yield from compare(before["data"], after["data"], f"event {name}, field", "written")
        yield from _renumbered(before.get("protobuf"), after.get("protobuf"), f"event {name}")


def _renumbered(old: Schema | None, new: Schema | None, at: str) -> Iterator[str]:
    """What has another place in the event's Protobuf messages, which know fields by their numbers alone."""
    if old is None or new is None:
        if old != new:
            was, now = ("JSON", "Protobuf") if old is None else ("Protobuf", "JSON")
            yield f"{at}: travelled as {was}, travels as {now}"
        return
    for name, fields in old.items():
        after = new.get(name, {})
        taken = {_number(written): field for field, written in after.items()}
        for field, was in fields.items():
            if field in after and after[field] != was:
                yield f"{at}, Protobuf `{name}.{field}`: was `{was}`, is `{after[field]}`"
            elif field not in after and _number(was) in taken:
                other = taken[_number(was)]
                yield f"{at}, Protobuf `{name}.{other}`: has the number that was `{field}`'s"


def _number(written: str) -> str:
    return written.rpartition("= ")[2]


class _Comparison:
    """Two documents' schemas, resolved by their own definitions."""

    def __init__(self, old: dict[str, Schema], new: dict[str, Schema]) -> None:
        self.old, self.new = old, new
        self.under_way: set[tuple[str, str, Side]] = set()

    def __call__(self, old: Schema, new: Schema, at: str, side: Side) -> Iterator[str]:
        pair = (old.get("$ref", ""), new.get("$ref", ""), side)
        if all(pair) and pair in self.under_way:
            return  # a type that holds itself
        self.under_way.add(pair)
        try:
            yield from self._compare(_resolved(old, self.old), _resolved(new, self.new), at, side)
        finally:
            self.under_way.discard(pair)

    def _compare(self, old: Schema, new: Schema, at: str, side: Side) -> Iterator[str]:
        if "anyOf" in old or "anyOf" in new:
            yield from self._alternatives(old, new, at, side)
            return
        if old.get("type") != new.get("type"):
            widened = side == "read" and (old.get("type"), new.get("type")) == ("integer", "number")
            if not widened:
                yield f"{at}: was {_named(old)}, is {_named(new)}"
            return
        yield from self._constraints(old, new, at, side)
        if "properties" in old or "properties" in new:
            yield from self._fields(old, new, at, side)
        if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
            yield from self(old["items"], new["items"], f"{at}[]", side)
        before, after = old.get("additionalProperties"), new.get("additionalProperties")
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self(before, after, f"{at}{{}}", side)
        for index, pair in enumerate(
            zip(old.get("prefixItems", []), new.get("prefixItems", []), strict=False)
        ):
            yield from self(*pair, f"{at}[{index}]", side)

    def _fields(self, old: Schema, new: Schema, at: str, side: Side) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_after = set(old.get("required", [])), set(new.get("required", []))
        for name in before:
            place = f"{at} `{name}`"
            if name not in after:
                if side == "read" or name in needed_before:
                    yield f"{place}: removed"
                continue
            if side == "read" and name in needed_after - needed_before:
                yield f"{place}: has no default any more"
            if side == "written" and name in needed_before - needed_after:
                yield f"{place}: old readers rely on it, and now it may be left out"
            was, now = before[name].get("default"), after[name].get("default")
            # Who writes leaves out what equals its default.
            if name not in needed_before | needed_after and was != now:
                yield f"{place}: its default was {was!r}, is {now!r}"
            yield from self(before[name], after[name], place, side)
        for name in after:
            if name not in before and name in needed_after:
                yield f"{at} `{name}`: is new and has no default"

    def _alternatives(self, old: Schema, new: Schema, at: str, side: Side) -> Iterator[str]:
        before = {_named(s): s for s in self._resolved_alternatives(old, self.old)}
        after = {_named(s): s for s in self._resolved_alternatives(new, self.new)}
        lost = set(before) - set(after) if side == "read" else set(after) - set(before)
        for name in sorted(lost):
            yield f"{at}: {name} is {LOST[side]}"
        for name in sorted(set(before) & set(after)):
            yield from self(before[name], after[name], at, side)

    def _resolved_alternatives(self, schema: Schema, definitions: dict[str, Schema]) -> list[Schema]:
        return [_resolved(one, definitions) for one in schema.get("anyOf", [schema])]

    def _constraints(self, old: Schema, new: Schema, at: str, side: Side) -> Iterator[str]:
        if "enum" in old or "enum" in new:
            before, after = set(old.get("enum", [])), set(new.get("enum", []))
            lost = before - after if side == "read" else after - before
            for value in sorted(map(repr, lost)):
                yield f"{at}: the value {value} is {LOST[side]}"
        for key in sorted((set(old) | set(new)) - NOTES - COMPARED):
            if old.get(key) != new.get(key):
                yield f"{at}: {key} was {old.get(key)!r}, is {new.get(key)!r}"


def _resolved(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema


def _named(schema: Schema) -> str:
    """A type as people call it."""
    name = schema.get("title") if "properties" in schema else None
    return str(name or schema.get("format") or schema.get("type") or "anything")
