"""Two domains of one stage: the source gives both up at once, so neither before the other has moved."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.toolkit.step.world import PLAN, ROOT, Done, World

ACCEPTED = ("--accept-inconclusive", "--shadow-seconds", "0")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Lending moves along with books."""
    text = (ROOT / PLAN).read_text().replace("root: ../..", f"root: {ROOT}")
    text = text.replace("moves: [books]", "moves: [books, lending]")
    host = "  lending:\n    settings: tests.second_project.library\n"
    path = tmp_path / "plan.yaml"
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


def test_neither_is_given_up_before_the_other_has_moved(world: World, plan: Path, lending: None) -> None:
    def strangler(*arguments: str, status: int = 0) -> Done:
        return world.toolkit(*arguments, "--plan", str(plan), status=status)

    def phases() -> dict[str, str]:
        found = json.loads(strangler("status", "--json").out)["steps"]
        return {step["domain"]: step["phase"] for step in found}

    world.seed(20)
    world.run("postgres", "ALTER DATABASE lending ALLOW_CONNECTIONS false")
    strangler("migrate", "--to", "1", *ACCEPTED, status=1)
    world.run("postgres", "ALTER DATABASE lending ALLOW_CONNECTIONS true")
    assert phases() == {"books": "soak"}
    contract = ("contract", "--yes", "--restarted", "--domain")
    assert "lending has not moved yet" in strangler(*contract, "books", status=1).said
    strangler("migrate", "--to", "1", *ACCEPTED)
    assert phases() == {"books": "soak", "lending": "soak"}
    strangler("rollback", "--domain", "lending")
    assert "lending has not moved yet" in strangler(*contract, "books", status=1).said
    strangler("migrate", "--to", "1", *ACCEPTED)
    strangler(*contract, "books")
    assert "moves together with books" in strangler("rollback", "--domain", "lending", status=1).said
    strangler(*contract, "lending")
    owners = json.loads(strangler("status", "--json").out)["owners"]
    assert owners == {"books": "books", "lending": "lending"}
    assert world.leftovers() == []
