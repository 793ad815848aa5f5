"""A domain moves between two databases of a real server, and back."""

from pathlib import Path

import pytest

from strangler.toolkit.step import cli
from strangler.toolkit.step.contract import REVERSIBLE
from tests.toolkit.step.world import PLAN, ROOT, World

FOREIGN_KEYS = """
SELECT convalidated FROM pg_constraint WHERE conrelid = 'lending_loan'::regclass AND contype = 'f'
"""
PARTITIONED = """
CREATE TABLE lending_reading (id bigint PRIMARY KEY, book_id bigint REFERENCES books_book (id))
    PARTITION BY RANGE (id);
CREATE TABLE lending_reading_1 PARTITION OF lending_reading FOR VALUES FROM (0) TO (1000);
INSERT INTO lending_reading VALUES (1, 1)
"""
READINGS_KEYS = """
SELECT count(*) AS n FROM pg_constraint
WHERE conrelid = 'lending_reading'::regclass AND contype = 'f' AND conparentid = 0 AND convalidated
"""
AS_REPLICA = "SET session_replication_role = replica"
MIGRATED = "SELECT DISTINCT app FROM django_migrations"
COUNT = "SELECT count(*) AS n FROM books_book"


def test_step_goes_to_soak_and_back_and_to_its_end(world: World) -> None:
    world.seed(500)
    world.migrate()
    (step,) = world.status()["steps"]
    assert (step["phase"], step["done"], step["owner"]) == ("soak", True, "books")
    assert step["figures"]["expand"]["rows"] == 500 + 500 + 10
    assert world.rows("books", COUNT)[0]["n"] == 500
    world.strangler("verify")
    world.strangler("rollback")
    (step,) = world.status()["steps"]
    assert (step["phase"], step["done"], step["owner"]) == ("shadow", True, "library")
    world.strangler("verify")
    world.migrate()
    world.strangler("contract", "--yes", "--restarted")
    assert world.status()["owners"]["books"] == "books"
    assert world.leftovers() == []
    assert not world.rows("library", "SELECT 1 FROM pg_class WHERE relname LIKE 'books_%'")


def test_domain_that_came_up_on_its_own_host_is_that_hosts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`./run up --stage 1` on an empty folder: no step has led there."""
    assert world.status()["owners"] == {"books": "library", "lending": "library"}
    monkeypatch.setattr(cli._Steps, "stage", 1)
    assert world.status()["owners"] == {"books": "books", "lending": "library"}


def test_step_can_be_given_up_at_any_rest(world: World) -> None:
    world.seed(50)
    for phase in ("expand", "shadow", "canary", "cutover", "soak"):
        world.migrate("--until", phase)
        world.strangler("rollback", "--abort")
        assert world.leftovers() == []
        assert world.status()["steps"] == []
        (constraint,) = world.rows("library", FOREIGN_KEYS)
        assert constraint["convalidated"]


def test_contract_that_was_refused_can_be_taken_back(world: World) -> None:
    world.seed(20)
    world.migrate()
    assert "must be restarted" in world.strangler("contract", "--yes", status=1).said
    world.strangler("rollback")
    assert world.status()["owners"]["books"] == "library"
    world.migrate()
    world.run("library", f"{AS_REPLICA}; UPDATE books_book SET title = 'another' WHERE id = 1")
    assert "books_book (1)" in world.strangler("contract", "--yes", "--restarted", status=1).said
    world.run("library", f"{AS_REPLICA}; UPDATE books_book SET title = 'book 1' WHERE id = 1")
    world.strangler("rollback", "--abort")
    assert world.leftovers() == []


@pytest.mark.parametrize(
    ("way_back", "phase"), [([], "shadow"), (["--abort"], "the beginning")], ids=["rollback", "abort"]
)
def test_contract_does_not_begin_where_the_domain_was_taken_back_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, way_back: list[str], phase: str
) -> None:
    """Whoever is asked may take long to say yes."""

    def confirmed() -> bool:
        world.strangler("rollback", *way_back)
        return True

    monkeypatch.setattr(cli, "_confirmed", confirmed)
    world.seed(20)
    world.migrate()
    assert f"books stands in {phase}." in world.strangler("contract", "--restarted", status=1).said
    assert world.status()["owners"]["books"] == "library"
    assert world.rows("library", COUNT)[0]["n"] == 20


def test_contract_can_be_taken_back_until_it_ends_the_way_back(world: World) -> None:
    world.seed(20)
    world.migrate()
    contract = ("contract", "--yes", "--restarted")
    for point in REVERSIBLE:
        world.strangler(*contract, status=None, STRANGLER_CRASH_AFTER=f"contract.{point}")
        assert "may have been restarted without" in world.strangler("rollback", status=1).said
        world.strangler("rollback", "--restarted")
        assert world.status()["owners"]["books"] == "library"
        world.strangler("verify")
        world.migrate()
    world.strangler(*contract, status=None, STRANGLER_CRASH_AFTER="contract.end_way_back")
    assert "has moved for good" in world.strangler("rollback", "--restarted", status=1).said
    world.strangler(*contract)
    assert world.leftovers() == []


@pytest.mark.parametrize("running", [0, 1])
def test_stage_is_not_reached_while_a_contract_is_half_done(
    world: World, monkeypatch: pytest.MonkeyPatch, running: int
) -> None:
    """Whether or not the source was restarted already."""
    world.seed(5)
    world.migrate()
    monkeypatch.setattr(cli._Steps, "stage", running)
    contract = ("contract", "--yes", "--restarted")
    for point, can_go_back in (("restart_hosts", True), ("drop_tables", False)):
        world.strangler(*contract, status=None, STRANGLER_CRASH_AFTER=f"contract.{point}")
        said = world.migrate(status=1).said
        assert f"interrupted at {point}: `./run strangler contract` ends it" in said
        assert ("`rollback` takes it back" in said) == can_go_back
    world.strangler(*contract)
    assert "Stage 1 is reached already." in world.migrate().said


@pytest.mark.parametrize(("book", "constraints"), [(1, 1), (77, 0)], ids=["valid", "not valid any more"])
def test_foreign_keys_of_partitioned_tables_come_back(
    world: World, tmp_path: Path, book: int, constraints: int
) -> None:
    world.seed(20)
    world.run("library", PARTITIONED)
    plan = tmp_path / "plan.yaml"
    text = (ROOT / PLAN).read_text().replace("root: ../..", f"root: {ROOT}")
    plan.write_text(text.replace("[lending_loan]", "[lending_loan, lending_reading]"))
    accepted = ("--accept-inconclusive", "--shadow-seconds", "0", "--plan", str(plan))
    world.toolkit("migrate", "--to", "1", "--until", "expand", *accepted)
    world.run("library", f"INSERT INTO lending_reading VALUES (2, {book})")
    said = world.toolkit("rollback", "--plan", str(plan)).said
    assert ("lending_reading_book_id_fkey" in said) == (not constraints)
    assert world.leftovers() == []
    assert world.rows("library", READINGS_KEYS)[0]["n"] == constraints


def test_foreign_keys_that_an_earlier_version_remembered_come_back(world: World) -> None:
    """It named tables without their schema."""
    world.seed(5)
    world.migrate("--until", "expand")
    world.run("library", "UPDATE strangler.constraints SET definition = replace(definition, 'public.', '')")
    world.strangler("rollback")
    assert world.rows("library", FOREIGN_KEYS) == [{"convalidated": True}]


@pytest.mark.parametrize("table", ["shelf", "audit.shelf", "audit.lending_loan"])
def test_foreign_key_of_a_table_that_no_domain_lists_stops_a_step(world: World, table: str) -> None:
    """Nobody would know any more that its rows are to go with the books. Those that are listed are public."""
    world.seed(5)
    column = "book_id bigint CONSTRAINT of_book REFERENCES books_book (id) ON DELETE CASCADE"
    world.run("library", f"CREATE SCHEMA audit; CREATE TABLE {table} ({column})")
    refused = world.migrate("--until", "expand", status=1).said
    named = table if "." in table else f"public.{table}"
    key = "FOREIGN KEY (book_id) REFERENCES public.books_book(id) ON DELETE"
    assert f"of_book of {named}: {key}" in refused
    world.run("library", f"ALTER TABLE {table} DROP CONSTRAINT of_book")
    world.migrate("--until", "expand")


def test_admins_log_lets_the_users_go(world: World) -> None:
    """No plan can list it as a domain's."""
    world.run("library", "CREATE TABLE django_admin_log (user_id bigint REFERENCES books_author (id))")
    world.migrate("--until", "expand")
    world.strangler("rollback")
    assert world.rows("library", "SELECT FROM pg_constraint WHERE conrelid = 'django_admin_log'::regclass")


def test_contract_forgets_the_migrations_of_its_own_app(world: World, tmp_path: Path) -> None:
    """By its label, which a package need not be called after."""
    text = (ROOT / PLAN).read_text().replace("root: ../..", f"root: {ROOT}")
    plan = tmp_path / "plan.yaml"
    plan.write_text(text.replace("app: tests.second_project.books", "app: tests.shelves.lending"))
    apps = {row["app"] for row in world.rows("library", MIGRATED)}
    world.seed(5)
    accepted = ("--accept-inconclusive", "--shadow-seconds", "0")
    world.toolkit("migrate", "--to", "1", *accepted, "--plan", str(plan))
    world.toolkit("contract", "--yes", "--restarted", "--plan", str(plan))
    assert {row["app"] for row in world.rows("library", MIGRATED)} == apps - {"books"}


def test_only_stages_that_exist_are_moved_to(world: World) -> None:
    assert (
        "Stage 2 is not in the plan. There are stages 0, 1."
        in world.strangler("migrate", "--to", "2", status=2).said
    )
    assert "Stage 7 is planned, and not built yet." in world.toolkit("migrate", "--to", "7", status=2).said
    for command in ("verify", "rollback", "contract"):
        assert "No step is under way." in world.strangler(command, status=2).said
    assert world.status()["steps"] == []
