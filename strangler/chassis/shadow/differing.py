"""Where two answers differ: enough to look for the reason, and no more of what customers wrote."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

SHOWN = 5
LONGEST_VALUE = 60
ABSENT: Any = object()


class Difference(NamedTuple):
    """`path` as in `1.results.0.price`, empty for all of it; both sides' values there."""

    path: str
    here: Any
    there: Any


class Differing:
    """The first differences of two answers that are not equal."""

    def __init__(self, here: Any, there: Any) -> None:
        self.found = list(islice(_differences("", here, there), SHOWN))

    def paths(self) -> str:
        """What may stand in a log."""
        return ", ".join(path or "all of it" for path, _, _ in self.found)

    def values(self, *, peer: str) -> str:
        """With the values, a short piece of each: for who looks at the step."""
        return "; ".join(
            f"{path}: here {_short(here)}, at {peer} {_short(there)}".removeprefix(": ")
            for path, here, there in self.found
        )


def _differences(path: str, here: Any, there: Any) -> Iterator[Difference]:
    if isinstance(here, dict) and isinstance(there, dict):
        pairs = {key: (here.get(key, ABSENT), there.get(key, ABSENT)) for key in [*here, *there]}
    elif isinstance(here, list | tuple) and type(here) is type(there) and len(here) == len(there):
        pairs = dict(enumerate(zip(here, there, strict=True)))
    else:
        if here != there:
            yield Difference(path, here, there)
        return
    for key, (ours, theirs) in pairs.items():
        yield from _differences(f"{path}.{key}".removeprefix("."), ours, theirs)


def _short(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    if isinstance(value, dict | list | tuple | bytes):
        return f"{type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
