"""A copy replaces what the target's tables hold only where that is nobody's: seeds, or an earlier copy."""

import pytest

from tests.toolkit.step.world import World

SOMEBODY = "SELECT count(*) AS n FROM books_author WHERE name LIKE 'somebody%'"
AUTHORS = "SELECT count(*) AS n FROM books_author"
ADD = "INSERT INTO books_author (name) VALUES ('somebody'), ('somebody else')"


def lose(world: World, host: str) -> None:
    """The host's database is prepared and empty again, and Consul has forgotten everything."""
    world.run("postgres", f"DROP DATABASE {host} WITH (FORCE)")
    world.run("postgres", f"CREATE DATABASE {host} TEMPLATE {host}_empty OWNER {host}")
    world.store.transaction([{"Verb": "delete-tree", "Key": "strangler/"}])


@pytest.mark.parametrize("restored", [False, True], ids=["empty", "restored"])
def test_domain_that_has_moved_for_good_is_not_replaced(world: World, restored: bool) -> None:
    """Though the source has its tables again, and Consul knows of no step."""
    world.seed(20)
    world.migrate()
    world.strangler("contract", "--yes", "--restarted")
    lose(world, "library")
    if restored:
        world.seed(20)
    refused = world.migrate("--until", "expand", status=1).said
    assert "books owns books, by the word of its own database, since epoch 3" in refused
    assert world.rows("books", AUTHORS)[0]["n"] == 10


def test_host_that_lost_its_tables_is_not_told_to_prepare_them(world: World) -> None:
    """Neither is the host that has the rows told that it owns nothing."""
    world.run("books", ADD)
    world.run("library", "DROP TABLE books_book_authors, books_book, books_author CASCADE")
    refused = world.migrate("--until", "expand", status=1).said
    assert "books has rows that library does not have: 2 of books_author." in refused
    assert "prepare" not in refused
    assert not world.rows("books", "SELECT FROM pg_namespace WHERE nspname = 'strangler'")


def test_rows_that_only_the_target_has_are_not_lost(world: World) -> None:
    world.seed(5)
    world.run("books", "SELECT setval('books_author_id_seq', 9)")
    world.run("books", ADD)
    refused = world.migrate("--until", "expand", status=1).said
    assert "books has rows that library does not have: 1 of books_author." in refused
    assert world.rows("books", AUTHORS)[0]["n"] == 2
    _, statement = refused.split("yourself (")
    world.run("books", statement.split(")")[0])
    world.migrate("--until", "expand")
    assert world.rows("books", AUTHORS)[0]["n"] == 10


def test_rows_that_the_source_has_too_give_way_to_its_own(world: World) -> None:
    """As they do where both hosts were seeded."""
    world.seed(5)
    world.run("books", ADD)
    world.migrate("--until", "expand")
    assert world.rows("books", SOMEBODY)[0]["n"] == 0


def test_earlier_copy_gives_way_to_the_next(world: World) -> None:
    world.seed(5)
    world.migrate()
    world.strangler("rollback", "--abort")
    world.run("library", "DELETE FROM books_book_authors; DELETE FROM books_author")
    world.migrate("--until", "expand")
    assert world.rows("books", AUTHORS)[0]["n"] == 0
