"""One world for the module's tests; each begins with it as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.toolkit.step.world import PLAN, ROOT, World


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


def plan_of_two(directory: Path) -> Path:
    """A plan by which lending moves along with books."""
    text = (ROOT / PLAN).read_text().replace("root: ../..", f"root: {ROOT}")
    text = text.replace("moves: [books]", "moves: [books, lending]")
    host = "  lending:\n    settings: tests.second_project.library\n"
    path = directory / "plan.yaml"
    path.write_text(text.replace("hosts:\n", f"hosts:\n{host}"))
    return path


@pytest.fixture
def lending(world: World) -> Iterator[None]:
    """Lending's own database, as its host's migrations make it: without a key into another's tables."""
    world.toolkit("provision", "lending", LENDING_DB_PASSWORD="only-for-tests")
    world.run("postgres", "DROP DATABASE lending")
    world.run("postgres", "CREATE DATABASE lending TEMPLATE library_empty OWNER lending")
    world.run("lending", "DROP TABLE books_author, books_book, books_book_authors CASCADE")
    yield
    world.run("postgres", "DROP DATABASE lending WITH (FORCE)")
