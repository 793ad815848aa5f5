"""What a system's own parity suite has to offer: a module with these names."""

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.parity.journey import Journey
from strangler.toolkit.parity.rules import Rules

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class Suite(Protocol):
    """The rules of a system, its journeys, and how to generate and replay sequences of calls.

    `sequences(length)` draws lists of at most so many moves, whatever a move is; `replay` carries one out
    in a world of its own, so that sequences neither need nor disturb each other. `ENVIRONMENT`, if there is
    one, are variables of docker-compose.yml for the systems that a comparison starts.
    """

    @property
    def RULES(self) -> Rules: ...

    @property
    def JOURNEYS(self) -> Mapping[str, Callable[[Journey], None]]: ...

    def sequences(self, length: int) -> "SearchStrategy[list[Any]]": ...

    def replay(self, journey: Journey, sequence: list[Any]) -> None: ...


class NotASuite(ToolkitError):
    """The module named as parity suite cannot be used."""

    status = 2


def load(module: str) -> Suite:
    """The suite in this module; raises NotASuite naming what is missing."""
    try:
        suite = importlib.import_module(module)
    except ImportError as error:
        raise NotASuite(
            f"the parity suite {module!r} cannot be imported: {error}. Name a module with --suite."
        ) from error
    missing = [name for name in ("RULES", "JOURNEYS", "sequences", "replay") if not hasattr(suite, name)]
    if missing:
        raise NotASuite(f"the parity suite {module!r} has no {', '.join(missing)}.")
    return cast("Suite", suite)
