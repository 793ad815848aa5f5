"""Two domains of one stage: the source gives both up at once, so neither before the other has moved."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strangler.toolkit.step import contract, lock
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


Strangler = Callable[..., Done]


@pytest.fixture
def strangler(world: World, plan: Path, lending: None) -> Strangler:
    def strangler(*arguments: str, status: int = 0) -> Done:
        return world.toolkit(*arguments, "--plan", str(plan), status=status)

    return strangler


def phases_of(strangler: Strangler) -> dict[str, str]:
    found = json.loads(strangler("status", "--json").out)["steps"]
    return {step["domain"]: step["phase"] for step in found}


def test_neither_is_given_up_before_the_other_has_moved(world: World, strangler: Strangler) -> None:
    world.seed(20)
    world.run("postgres", "ALTER DATABASE lending ALLOW_CONNECTIONS false")
    strangler("migrate", "--to", "1", *ACCEPTED, status=1)
    world.run("postgres", "ALTER DATABASE lending ALLOW_CONNECTIONS true")
    assert phases_of(strangler) == {"books": "soak"}
    for_good = ("contract", "--yes", "--restarted", "--domain")
    assert "lending has not moved yet" in strangler(*for_good, "books", status=1).said
    strangler("migrate", "--to", "1", *ACCEPTED)
    assert phases_of(strangler) == {"books": "soak", "lending": "soak"}
    strangler("rollback", "--domain", "lending")
    assert "lending has not moved yet" in strangler(*for_good, "books", status=1).said
    strangler("migrate", "--to", "1", *ACCEPTED)
    strangler(*for_good, "books")
    assert "moves together with books" in strangler("rollback", "--domain", "lending", status=1).said
    strangler(*for_good, "lending")
    owners = json.loads(strangler("status", "--json").out)["owners"]
    assert owners == {"books": "books", "lending": "lending"}
    assert world.leftovers() == []


def test_neither_is_given_up_while_the_other_goes_back(
    world: World, strangler: Strangler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract's last comparison may take long."""
    world.seed(20)
    strangler("migrate", "--to", "1", *ACCEPTED)
    for_good = ("contract", "--yes", "--restarted", "--domain", "books")
    with lock.held(world.store, "lending", command="rollback"):
        assert "`strangler rollback` is at work on lending" in strangler(*for_good, status=1).said
    with monkeypatch.context() as patched:
        patched.setattr(contract, "check_way_back", lambda _: strangler("rollback", "--domain", "lending"))
        assert "lending has not moved yet" in strangler(*for_good, status=1).said
    assert phases_of(strangler) == {"books": "soak", "lending": "shadow"}
    for domain in ("books", "lending"):
        strangler("rollback", "--abort", "--domain", domain)
    assert world.leftovers() == []
