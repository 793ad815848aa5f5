"""Are two answers the same, up to what must differ?"""

import base64
import math
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec

from strangler.toolkit.parity.calls import Answer
from strangler.toolkit.parity.rules import Rules

ABSENT = "(absent)"
APART_SECONDS = 60.0
"""How far apart the two may tell a moment, or a time to wait: clocks differ, and limits end with a minute."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs: where (`status`, `headers.allow`, `body.results.0.price`), how, and why it counts."""

    where: str
    reference: Any
    candidate: Any
    why: str


class Correspondence:
    """Which identifier of the reference is which of the candidate, by kind: one to one."""

    def __init__(self) -> None:
        self._there: dict[tuple[str, str], str] = {}
        self._here: dict[tuple[str, str], str] = {}

    def copy(self) -> "Correspondence":
        twin = Correspondence()
        twin._there, twin._here = dict(self._there), dict(self._here)
        return twin

    def pair(self, kind: str, reference: Any, candidate: Any) -> bool:
        """Whether the two are each other's; on their first appearance they become so."""
        # As text, because a number may also be mentioned in one.
        ours, theirs = str(reference), str(candidate)
        there = self._there.setdefault((kind, ours), theirs)
        here = self._here.setdefault((kind, theirs), ours)
        return there == theirs and here == ours

    def expected(self, kind: str, reference: Any) -> str:
        """What the reference's identifier has stood for so far."""
        return self._there[kind, str(reference)]


class Comparison:
    """Compares the answers of one journey; what it learns about identifiers holds for the rest of it."""

    def __init__(self, rules: Rules, *, bases: tuple[str, str], seen: Correspondence | None = None) -> None:
        self.rules = rules
        self.seen = seen or Correspondence()
        self._bases = bases
        self._texts = [re.compile(pattern) for pattern in rules.texts]

    def trial(self) -> "Comparison":
        """A twin that may be thrown away: for answers that need not be equal yet."""
        return Comparison(self.rules, bases=self._bases, seen=self.seen.copy())

    def differences(self, path: str, reference: Answer, candidate: Answer) -> list[Difference]:
        """Everything in which the two answers to a call of this path differ."""
        found: list[Difference] = []
        if reference.status != candidate.status:
            found.append(_differ("status", reference.status, candidate.status, "another status"))
        found += self._headers(path, reference, candidate)
        found += self._values(path, ("body",), (), reference.body, candidate.body)
        return found

    def _headers(self, path: str, reference: Answer, candidate: Answer) -> Iterator[Difference]:
        here, there = self._kept(reference), self._kept(candidate)
        for name in sorted({*here, *there}):
            where = f"headers.{name}"
            if name not in here:
                yield _differ(where, ABSENT, there[name], "a header that the reference does not send")
            elif name not in there:
                yield _differ(where, here[name], ABSENT, "a header is missing")
            elif name in self.rules.amounts_of_time:
                if not _near(_seconds(here[name]), _seconds(there[name])):
                    yield _differ(where, here[name], there[name], "another amount of time")
            else:
                yield from self._strings(where, here[name], there[name])

    def _kept(self, answer: Answer) -> dict[str, str]:
        kept: dict[str, str] = {}
        for name, value in answer.headers:
            if not self.rules.ignores(name, answer.status):
                kept[name] = f"{kept[name]}, {value}" if name in kept else value
        return kept

    def _values(
        self, path: str, where: tuple[str, ...], keys: tuple[str, ...], here: Any, there: Any
    ) -> Iterator[Difference]:
        place = ".".join(where)
        if isinstance(here, dict) and isinstance(there, dict):
            for key in [*here, *(key for key in there if key not in here)]:
                if key not in there:
                    yield _differ(f"{place}.{key}", here[key], ABSENT, "a field is missing")
                elif key not in here:
                    yield _differ(f"{place}.{key}", ABSENT, there[key], "a field is too many")
                else:
                    yield from self._values(path, (*where, key), (*keys, key), here[key], there[key])
        elif isinstance(here, list) and isinstance(there, list):
            if len(here) != len(there):
                yield _differ(place, here, there, f"{len(here)} items against {len(there)}")
                return
            for index, (one, other) in enumerate(zip(here, there, strict=True)):
                yield from self._values(path, (*where, str(index)), keys, one, other)
            yield from self._succession(place, here, there)
        elif type(here) is not type(there):
            yield _differ(place, here, there, f"{_type(here)} against {_type(there)}")
        elif (kind := self.rules.kind(path, keys)) and here is not None:
            yield from self._identifiers(place, kind, here, there)
        elif isinstance(here, str):
            yield from self._named(path, where, keys, here, there)
        elif here != there:
            yield _differ(place, here, there, "another value")

    def _succession(self, place: str, here: list[Any], there: list[Any]) -> Iterator[Difference]:
        """Of two neighbours in a list, the one that came first here came first there."""
        for key in sorted(self.rules.times):
            times = [
                (one[key], other[key])
                for one, other in zip(here, there, strict=True)
                if isinstance(one, dict) and isinstance(other, dict) and key in one and key in other
            ]
            for (ours, theirs), (our_next, their_next) in pairwise(times):
                steps = _moment(our_next) - _moment(ours), _moment(their_next) - _moment(theirs)
                if steps[0] * steps[1] < 0:
                    why = f"{key} goes the other way"
                    yield _differ(place, [ours, our_next], [theirs, their_next], why)

    def _named(
        self, path: str, where: tuple[str, ...], keys: tuple[str, ...], here: str, there: str
    ) -> Iterator[Difference]:
        key = keys[-1] if keys else ""
        if key in self.rules.times:
            if _shape(here) != _shape(there):
                yield _differ(".".join(where), here, there, "a time in another format")
            elif not _near(_moment(here), _moment(there)):
                yield _differ(".".join(where), here, there, "another time")
        elif key in self.rules.tokens:
            yield from self._values(path, where, keys, token(here), token(there))
        else:
            yield from self._strings(".".join(where), here, there)

    def _identifiers(self, place: str, kind: str, here: Any, there: Any) -> Iterator[Difference]:
        if not self.seen.pair(kind, here, there):
            expected = self.seen.expected(kind, here)
            yield _differ(place, here, there, f"another {kind}: {here} corresponds to {expected}")

    def _strings(self, where: str, here: str, there: str) -> Iterator[Difference]:
        here, there = here.replace(self._bases[0], "<base>"), there.replace(self._bases[1], "<base>")
        for pattern in self._texts:
            ours, theirs = list(pattern.finditer(here)), list(pattern.finditer(there))
            if len(ours) != len(theirs):
                continue
            for one, other in zip(ours, theirs, strict=True):
                for kind, value in one.groupdict().items():
                    if value is not None and other[kind] is not None:
                        yield from self._identifiers(where, kind, value, other[kind])
            here, there = (_blanked(pattern, text) for text in (here, there))
        if here != there:
            yield _differ(where, here, there, "another text")


def token(text: str) -> Any:
    """Header and claims of a JSON Web Token, times relative to `iat`; the text itself if it is none."""
    try:
        header, claims = (
            msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            for part in text.split(".")[:2]
        )
        issued = claims.get("iat", 0)
        claims = {k: v - issued if k in ("exp", "nbf", "iat") else v for k, v in claims.items()}
    except (ValueError, TypeError, AttributeError):
        return text
    return {"header": header, "claims": claims}


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """The text with every group's value replaced by its name."""
    parts, end = [], 0
    for match in pattern.finditer(text):
        for name in sorted(match.groupdict(), key=match.start):
            if match[name] is not None:
                parts += [text[end : match.start(name)], f"<{name}>"]
                end = match.end(name)
    return "".join([*parts, text[end:]])


def _shape(time: str) -> str:
    """The time with its digits blanked; whole seconds are written without a fraction, so that is left out."""
    return re.sub(r"\d", "0", re.sub(r"\.\d+", "", time))


def _moment(time: Any) -> float:
    """Seconds since 1970; for what is no time (ISO 8601) not a number, which is near to nothing."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _seconds(amount: str) -> float:
    return float(amount) if amount.isdecimal() else math.nan


def _near(here: float, there: float) -> bool:
    return abs(here - there) <= APART_SECONDS


def _type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", type(None): "null", bool: "a boolean"}
    return names.get(type(value), "a number")


def _differ(where: str, reference: Any, candidate: Any, why: str) -> Difference:
    return Difference(where=where, reference=reference, candidate=candidate, why=why)
