"""The plan is edited while a step is under way: what was not copied from the start does not move."""

from pathlib import Path

import pytest

from tests.toolkit.step.world import PLAN, ROOT, World

ACCEPTED = ("--accept-inconclusive", "--shadow-seconds", "0")
TABLE = "CREATE TABLE books_shelf (id bigint PRIMARY KEY)"


class Edited:
    """Commands of a plan that is written again."""

    def __init__(self, world: World, file: Path) -> None:
        self.world, self.file = world, file
        self.text = (ROOT / PLAN).read_text().replace("root: ../..", f"root: {ROOT}")
        self.restore()

    def restore(self) -> None:
        self.file.write_text(self.text)

    def add_a_table(self) -> None:
        self.file.write_text(self.text.replace("[books_author,", "[books_shelf, books_author,"))

    def strangler(self, *arguments: str, status: int | None = 0, **environment: str) -> str:
        return self.world.toolkit(*arguments, "--plan", str(self.file), status=status, **environment).said

    def migrate(self, *arguments: str, status: int = 0) -> str:
        return self.strangler("migrate", "--to", "1", *ACCEPTED, *arguments, status=status)


@pytest.fixture
def plan(world: World, tmp_path: Path) -> Edited:
    for host in ("library", "books"):
        world.run(host, TABLE)
    world.seed(5)
    return Edited(world, tmp_path / "plan.yaml")


def test_table_that_is_added_meanwhile_is_not_handed_over_empty(world: World, plan: Edited) -> None:
    plan.migrate("--until", "canary")
    world.run("library", "INSERT INTO books_shelf VALUES (1)")
    plan.add_a_table()
    said = plan.migrate(status=1)
    assert "other tables than books began to move with, by books_shelf" in said
    assert "rollback --abort" in said
    assert world.status()["owners"]["books"] == "library"
    plan.restore()
    plan.migrate()
    plan.add_a_table()
    plan.strangler("rollback", "--abort")
    assert world.leftovers() == []
    plan.migrate()
    assert world.rows("books", "SELECT id FROM books_shelf") == [{"id": 1}]


def test_rows_of_a_table_that_is_added_to_an_earlier_copy_are_not_lost(world: World, plan: Edited) -> None:
    plan.migrate("--until", "expand")
    plan.strangler("rollback", "--abort")
    world.run("books", "INSERT INTO books_shelf VALUES (7)")
    plan.add_a_table()
    assert "books has rows that library does not have: 1 of books_shelf." in plan.migrate(status=1)
    assert world.rows("books", "SELECT id FROM books_shelf") == [{"id": 7}]
    world.run("library", "INSERT INTO books_shelf VALUES (7), (8)")
    plan.migrate("--until", "expand")
    assert world.rows("books", "SELECT count(*) AS n FROM books_shelf") == [{"n": 2}]


def test_contract_drops_what_has_moved_and_nothing_else(world: World, plan: Edited) -> None:
    plan.migrate()
    contract = ("contract", "--yes", "--restarted")
    plan.strangler(*contract, status=None, STRANGLER_CRASH_AFTER="contract.end_way_back")
    plan.add_a_table()
    said = plan.strangler(*contract, status=1)
    assert "books_shelf" in said
    assert "rollback" not in said  # which there is none of any more
    plan.restore()
    plan.strangler(*contract)
    assert world.rows("library", "SELECT count(*) AS n FROM books_shelf") == [{"n": 0}]


def test_plan_can_be_corrected_until_its_tables_are_found_ready(world: World, plan: Edited) -> None:
    world.run("books", "DROP TABLE books_shelf")
    plan.add_a_table()
    assert "books has no table books_shelf" in plan.migrate(status=1)
    plan.restore()
    plan.migrate()
