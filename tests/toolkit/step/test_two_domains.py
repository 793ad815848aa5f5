"""Two domains of one stage: the source gives both up at once, so neither before the other has moved."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from strangler.toolkit.step import contract, lock
from tests.toolkit.step.conftest import plan_of_two
from tests.toolkit.step.world import Done, World

ACCEPTED = ("--accept-inconclusive", "--shadow-seconds", "0")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return plan_of_two(tmp_path)


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
