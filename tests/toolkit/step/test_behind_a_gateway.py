"""A plan with a gateway, by commands that are not told where it is: Consul has its routes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Response

from strangler.toolkit.gateway import routing, splits
from strangler.toolkit.gateway.splits import Split
from tests.parity.tiny import served
from tests.ports import wait_for
from tests.toolkit.step.world import PLAN, ROOT, Done, World

MIGRATE = ("migrate", "--to", "1", "--accept-inconclusive", "--shadow-seconds", "0")
NOT_LOOKED = "routes are written, and not waited for"


class Shell:
    """Commands without TRAEFIK_URL."""

    def __init__(self, world: World, plan: Path) -> None:
        self.world, self.plan = world, plan

    def strangler(self, *arguments: str, status: int | None = 0, **environment: str) -> Done:
        environment = {"TRAEFIK_URL": "", **environment}
        return self.world.toolkit(*arguments, "--plan", str(self.plan), status=status, **environment)

    def write_routes(self, stage: int) -> str:
        """How many had to be changed."""
        urls = ("--auth-url", "http://127.0.0.1/auth", "--pages-url", "http://127.0.0.1/pages")
        return self.strangler("gateway", "apply", "--stage", str(stage), *urls).out


@pytest.fixture
def shell(world: World, tmp_path: Path) -> Iterator[Shell]:
    """The routes of stage 0 are in Consul."""
    text = (ROOT / PLAN).read_text().replace("root: ../..", f"root: {ROOT}")
    plan = tmp_path / "plan.yaml"
    plan.write_text(text.replace("origin: library", "origin: library\ngateway: { since: 0 }"))
    shell = Shell(world, plan)
    shell.write_routes(0)
    yield shell
    world.store.transaction([{"Verb": "delete-tree", "Key": "traefik/"}])


def test_canary_is_not_left_out(world: World, shell: Shell) -> None:
    world.seed(5)
    assert "TRAEFIK_URL is not known" in shell.strangler(*MIGRATE, status=1).said
    assert world.status()["steps"] == []
    shell.strangler(*MIGRATE, "--until", "shadow")
    assert "TRAEFIK_URL is not known" in shell.strangler(*MIGRATE, status=1).said
    (step,) = world.status()["steps"]
    assert step["phase"] == "shadow"


@pytest.mark.parametrize(("end", "stage"), [("rollback --abort", 0), ("contract --yes --restarted", 1)])
def test_requests_follow_the_owner(world: World, shell: Shell, end: str, stage: int) -> None:
    world.seed(5)
    world.migrate("--until", "canary")  # when the plan had no gateway yet
    assert NOT_LOOKED in shell.strangler(*MIGRATE).said
    moved = Split(old="library", new="books", reads_to_new=100, writes_to="books")
    assert splits.stored(world.store) == {"books": moved}
    assert NOT_LOOKED in shell.strangler(*end.split()).said
    assert splits.stored(world.store) == {}
    assert " 0 changed" in shell.write_routes(stage)


def test_who_is_read_follows_whatever_becomes_of_the_command(world: World, shell: Shell) -> None:
    """From the moment that the fence is down: with no more than what was done by then."""
    world.seed(5)
    world.migrate("--until", "canary")
    shell.strangler(*MIGRATE, status=None, STRANGLER_CRASH_AFTER="cutover.follow_back")
    assert splits.stored(world.store) == {}  # the source is read
    world.run("books", "INSERT INTO books_author (name) VALUES ('new')")
    wait_for(lambda: world.rows("library", "SELECT 1 FROM books_author WHERE name = 'new'"))
    shell.strangler(*MIGRATE)
    for point in ("undo-cutover.route_reads_back", "undo-cutover.hand_back"):
        shell.strangler("rollback", status=None, STRANGLER_CRASH_AFTER=point)
        (split,) = splits.stored(world.store).values()
        assert split == Split(old="library", new="books", reads_to_new=0, writes_to="books")
    shell.strangler("rollback")
    assert splits.stored(world.store) == {}


def test_reads_do_not_stay_where_nobody_judges(
    world: World, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway tells its figures until half of the reads go to the new host."""
    seen: list[int] = []

    def metrics(environ: dict[str, Any], start_response: Any) -> Any:
        (split,) = splits.stored(world.store).values()
        seen.append(split.reads_to_new)
        return Response(status=500 if split.reads_to_new == 50 else 200)(environ, start_response)

    monkeypatch.setattr(routing, "wait_until_live", lambda *_, **__: None)
    world.seed(5)
    quick = ("--windows", "10,50", "--window-seconds", "1")
    with served(metrics) as url:
        said = shell.strangler(*MIGRATE, *quick, status=1, TRAEFIK_URL=url).said
    assert "does not tell its metrics" in said
    assert "all reads go back to library" in said
    assert set(seen) == {10, 50}
    assert splits.stored(world.store) == {}
    (step,) = world.status()["steps"]
    assert (step["phase"], step["done"], step["owner"]) == ("canary", False, "library")
