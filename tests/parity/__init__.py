"""The shop's parity suite: `./run strangler parity` loads this module."""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis.strategies import SearchStrategy

from strangler.toolkit.parity import Journey
from tests.parity import buying, looking, moves, signing_in, stocking
from tests.parity.rules import RULES

__all__ = ["ENVIRONMENT", "JOURNEYS", "RULES", "replay", "sequences"]

# All who shop here are one client, which registers more often than a client may.
ENVIRONMENT = {"LOGIN_CLIENT_RATE": "100000/min", "REGISTER_CLIENT_RATE": "100000/min"}
JOURNEYS: Mapping[str, Callable[[Journey], None]] = {
    **signing_in.JOURNEYS,
    **looking.JOURNEYS,
    **stocking.JOURNEYS,
    **buying.JOURNEYS,
}


def sequences(length: int) -> SearchStrategy[list[Any]]:
    """Sequences of at most so many moves."""
    return moves.sequences(length)


def replay(journey: Journey, sequence: list[Any]) -> None:
    """Make these moves in a world of their own."""
    moves.replay(journey, sequence)
