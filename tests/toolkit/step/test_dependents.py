"""What the monolith's database has beside the domain's tables, and needs them, is not dropped with them."""

import pytest

from tests.toolkit.step.world import World

MUTUAL = "ALTER TABLE books_author ADD COLUMN first_id bigint REFERENCES books_book (id)"
DEPENDENTS = {
    "view public.titles": ("CREATE VIEW titles AS SELECT title FROM books_book", "DROP VIEW titles"),
    "materialized view public.pages": (
        "CREATE MATERIALIZED VIEW pages AS SELECT sum(pages) FROM books_book",
        "DROP MATERIALIZED VIEW pages",
    ),
    "function public.authors()": (
        "CREATE FUNCTION authors() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM books_author; END",
        "DROP FUNCTION authors()",
    ),
    "constraint notes_book_fkey on table public.notes": (
        "CREATE TABLE notes (book bigint); "
        "ALTER TABLE notes ADD CONSTRAINT notes_book_fkey FOREIGN KEY (book) REFERENCES books_book",
        "DROP TABLE notes",
    ),
    "default value for column id of table public.lots": (
        "CREATE TABLE lots (id bigint DEFAULT nextval('books_book_id_seq'))",
        "DROP TABLE lots",
    ),
}


@pytest.mark.parametrize("name", DEPENDENTS)
def test_contract_is_refused_while_something_needs_the_tables(world: World, name: str) -> None:
    create, drop = DEPENDENTS[name]
    world.seed(5)
    for host in ("library", "books"):
        world.run(host, MUTUAL)
    world.migrate()
    world.run("library", create)
    refused = world.strangler("contract", "--yes", "--restarted", status=1).said
    assert f"in library cannot be dropped while something there needs them: {name}. Drop that" in refused
    world.strangler("verify")
    (step,) = world.status()["steps"]
    assert step["phase"] == "soak"
    world.run("library", drop)
    world.strangler("contract", "--yes", "--restarted")
    assert not world.rows("library", "SELECT FROM pg_class WHERE relname LIKE 'books_%'")


def test_what_comes_in_the_way_later_stops_only_the_drop(world: World) -> None:
    world.seed(5)
    world.migrate()
    contract = ("contract", "--yes", "--restarted")
    world.strangler(*contract, status=None, STRANGLER_CRASH_AFTER="contract.end_way_back")
    world.run("library", "CREATE VIEW titles AS SELECT title FROM books_book")
    assert "needs them: view public.titles. Drop that" in world.strangler(*contract, status=1).said
    world.run("library", "DROP VIEW titles")
    world.strangler(*contract)
    assert world.leftovers() == []


def test_what_will_be_in_the_way_is_named_when_the_step_begins(world: World) -> None:
    world.run("library", "CREATE VIEW titles AS SELECT title FROM books_book")
    said = world.migrate("--until", "expand").said
    assert "In library view public.titles will be in the way of `contract`" in said
