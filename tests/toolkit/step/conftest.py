"""One world for the module's tests; each begins with it as it was."""

from collections.abc import Iterator

import pytest

from tests.toolkit.step.world import World


@pytest.fixture(scope="session")
def worlds_end() -> Iterator[World]:
    world = World()
    try:
        world.start()
        yield world
    finally:
        world.stop()


@pytest.fixture
def world(worlds_end: World) -> World:
    worlds_end.reset()
    return worlds_end
