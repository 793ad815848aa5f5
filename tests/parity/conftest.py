"""The two small systems that the harness's tests compare."""

from collections.abc import Iterator

import pytest

from strangler.toolkit.parity.journey import Both, both
from tests.parity.tiny import Tiny, served


@pytest.fixture
def tiny() -> Iterator[str]:
    with served(Tiny()) as url:
        yield url


@pytest.fixture
def other() -> Iterator[str]:
    """A second system, which numbers its notes otherwise."""
    with served(Tiny(first_id=1000)) as url:
        yield url


@pytest.fixture
def systems(tiny: str, other: str) -> Iterator[Both]:
    with both(tiny, other) as pair:
        yield pair
