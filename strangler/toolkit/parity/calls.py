"""A call, its answer, and values that are taken from one answer into a later call."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

MARK = re.compile(r"«(\d+)((?:\.[^.»]+)*)»")


class Taken(msgspec.Struct, frozen=True):
    """A value in the answer to call number `step`; each system resolves it to its own.

    In a string it stands as a mark, `«3.number»`; alone in a JSON body it keeps the value's type.
    """

    step: int
    path: tuple[str | int, ...] = ()

    def __getitem__(self, key: str | int) -> "Taken":
        return Taken(self.step, (*self.path, key))

    def __str__(self) -> str:
        return "«" + ".".join(map(str, (self.step, *self.path))) + "»"

    def __format__(self, spec: str) -> str:
        return str(self)


class Answer(msgspec.Struct, kw_only=True):
    """What a system said. `status` 0: it said nothing, and `text` is why."""

    status: int
    headers: list[tuple[str, str]]
    text: str
    json: Any = msgspec.UNSET
    seconds: float = 0.0

    @property
    def body(self) -> Any:
        return self.text if self.json is msgspec.UNSET else self.json


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request, with `Taken` values and their marks in any part of it. `body` is sent as it is."""

    method: str
    path: str
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    json: Any = msgspec.UNSET
    body: str | None = None

    def resolved(self, answers: Sequence[Answer]) -> "Call":
        """The call as one system gets it, with what its own answers said."""
        return Call(
            method=self.method,
            path=_filled(self.path, answers, escape=True),
            query={name: _resolved(value, answers) for name, value in self.query.items()},
            headers={name: _filled(value, answers) for name, value in self.headers.items()},
            json=_resolved(self.json, answers),
            body=None if self.body is None else _filled(self.body, answers),
        )

    @property
    def target(self) -> str:
        query = {name: _marked(value) for name, value in self.query.items()}
        return self.path + ("?" + urlencode(query, doseq=True, errors="replace") if query else "")

    @property
    def content(self) -> bytes | None:
        if self.body is not None:
            return self.body.encode("utf-8", "surrogatepass")
        return None if self.json is msgspec.UNSET else _encoded(self.json)

    def curl(self) -> str:
        """The call as a line for a shell; marks name values of earlier answers."""
        parts = ["curl", *([] if self.method == "GET" else ["-X", self.method]), _shell(self.target)]
        for name, value in self.headers.items():
            parts += ["-H", _shell(f"{name}: {value}")]
        content = msgspec.structs.replace(self, json=_marked(self.json)).content
        if content is not None:
            text = content.decode("utf-8", "backslashreplace")
            parts += ["-d", _shell(text if len(text) < 2000 else f"{text[:200]}… ({len(text)} characters)")]
        return " ".join(parts)


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value, enc_hook=str)
    except UnicodeEncodeError:
        import json

        return json.dumps(value, default=str).encode()


def _shell(text: str) -> str:
    return "'" + unquoted_marks(text).replace("'", "'\\''") + "'"


def unquoted_marks(text: str) -> str:
    """Marks as they were written, after percent-encoding has been at them."""
    return re.sub(r"%C2%AB(.*?)%C2%BB", r"«\1»", text)


def _resolved(value: Any, answers: Sequence[Answer]) -> Any:
    if isinstance(value, Taken):
        return _taken(value.step, value.path, answers)
    if isinstance(value, str):
        return _filled(value, answers)
    if isinstance(value, dict):
        return {_filled(str(k), answers): _resolved(v, answers) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_resolved(item, answers) for item in value]
    return value


def _marked(value: Any) -> Any:
    if isinstance(value, Taken):
        return str(value)
    if isinstance(value, dict):
        return {name: _marked(part) for name, part in value.items()}
    return [_marked(part) for part in value] if isinstance(value, list | tuple) else value


def _filled(text: str, answers: Sequence[Answer], *, escape: bool = False) -> str:
    def value(match: re.Match[str]) -> str:
        found = str(_taken(int(match[1]), tuple(match[2].split(".")[1:]), answers))
        return quote(found, safe="") if escape else found

    return MARK.sub(value, text) if "«" in text else text


def _taken(step: int, path: Sequence[str | int], answers: Sequence[Answer]) -> Any:
    """The value there; where an answer has no such value, None: the call then says so by failing."""
    value = answers[step].body
    for key in path:
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return value
