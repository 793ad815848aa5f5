"""What is told of two answers that differ."""

from typing import Any

import pytest

from strangler.chassis.shadow.differing import LONGEST_VALUE, SHOWN, Differing

LONG = "x" * 10_000


@pytest.mark.parametrize(
    ("here", "there", "paths", "values"),
    [
        ((200, {"a": 1}), (404, {"a": 1}), "0", "0: here 200, at new 404"),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, "a.1.b", "a.1.b: here 2, at new 3"),
        ({"a": 1}, {"b": 1}, "a, b", "a: here 1, at new nothing; b: here nothing, at new 1"),
        ({"a": [1]}, {"a": [1, 2]}, "a", "a: here list of 1, at new list of 2"),
        ({"a": {"name": "Ada"}}, {"a": None}, "a", "a: here dict of 1, at new None"),
        (("Gone", {}), {"id": 1}, "all of it", "here tuple of 2, at new dict of 1"),
        (b"one", b"three", "all of it", "here bytes of 3, at new bytes of 5"),
    ],
    ids=str,
)
def test_only_what_differs_is_told(here: Any, there: Any, paths: str, values: str) -> None:
    differing = Differing(here, there)
    assert (differing.paths(), differing.values(peer="new")) == (paths, values)


def test_however_much_differs_little_is_told() -> None:
    here, there = ({str(n): f"{which}{LONG}" for n in range(1000)} for which in "ab")
    differing = Differing(here, there)
    assert len(differing.found) == SHOWN
    assert len(differing.values(peer="new")) < SHOWN * 2 * (LONGEST_VALUE + 20)
