"""`gateway apply` writes no routes that lead to nobody."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from strangler.toolkit.cli import app
from strangler.toolkit.consul import KeyValues
from strangler.toolkit.gateway import routing, splits
from strangler.toolkit.gateway.apply import ROOT, apply, desired, settings_of
from strangler.toolkit.gateway.splits import Split
from strangler.toolkit.plan import load
from tests.consul import Consul
from tests.ports import wait_for
from tests.toolkit.gateway.host import Host

LIBRARY = """\
name: library
origin: library
hosts: { library: { settings: library.settings }, books: { settings: books.settings } }
domains:
  lending: { app: lending, contract: contracts.lending, routes: { /loans: { GET: user } } }
  books: { app: books, contract: contracts.books, routes: { /books: { GET: public } } }
gateway: { since: 0 }
stages:
  - { number: 0, name: start, summary: All in one., built: true }
  - { number: 1, name: books, summary: Books move., built: true, moves: [books] }
  - { number: 2, name: lending, summary: Lending moves., moves: [lending] }
"""


def test_a_stage_that_is_not_there_or_not_built_has_no_routes() -> None:
    planned = [stage.number for stage in load().stages if not stage.built]
    for stage, why in (
        (33, "not in the plan. There are stages 0"),
        (planned[0], "planned, and not built yet"),
    ):
        done = CliRunner().invoke(app, ["gateway", "apply", "--stage", str(stage)])
        assert done.exit_code == 2
        assert f"Stage {stage} is {why}" in done.output


def test_routes_lead_to_no_host_that_runs_without_the_domain(consul: Consul, tmp_path: Path) -> None:
    plan, store = tmp_path / "plan.yaml", KeyValues(consul.url)
    plan.write_text(LIBRARY)
    places = {"CONSUL_URL": consul.url, "PAGES_URL": "http://pages:8046"}
    places["FORWARD_AUTH_URL"] = "http://traefik:8081/internal/auth"

    def written(stage: int, status: int) -> str:
        line = ["gateway", "apply", "--stage", str(stage), "--plan", str(plan)]
        done = CliRunner().invoke(app, line, env=places)
        assert done.exit_code == status, done.output
        return done.output

    written(0, 0)  # nothing runs yet: as a stack begins
    moved = [Host(consul.url, "library", ["lending"]), Host(consul.url, "books", ["books"])]
    for host in moved:
        host.start()
    try:
        wait_for(lambda: consul.passing("library") and consul.passing("books"))
        written(1, 0)
        routes = store.folder(ROOT)

        assert "Stage 0 has books at library, which runs without" in written(0, 1)
        assert store.folder(ROOT) == routes

        splits.set(store, "books", Split(old="library", new="books", reads_to_new=100, writes_to="books"))
        written(0, 0)
    finally:
        for host in moved:
            host.stop()


def test_steps_that_write_at_the_same_time_undo_nothing_of_each_other(
    consul: Consul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has read the splits and not yet written its routes when another does both."""
    file, store = tmp_path / "plan.yaml", KeyValues(consul.url)
    file.write_text(LIBRARY)
    plan = load(file)
    auth, pages = "http://traefik:8081/internal/auth", "http://pages:8046"
    apply(store, desired(plan, settings_of(store), stage=0, auth_url=auth, pages_url=pages))

    def begin(domain: str) -> None:
        split = Split(old="library", new=domain, reads_to_new=10, writes_to="library")
        splits.set(store, domain, split)
        routing.route(store, plan, stage=0)

    def late(store: KeyValues, wanted: dict[str, str]) -> int:
        monkeypatch.undo()
        begin("lending")
        return apply(store, wanted)

    monkeypatch.setattr(routing, "apply", late)
    begin("books")
    assert splits.stored(store).keys() == {"books", "lending"}
    assert routing.route(store, plan, stage=0) == 0
