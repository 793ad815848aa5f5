"""Links of two steps, and two steps of one name, keep out of each other's way."""

from collections.abc import Iterator

import pytest

from strangler.toolkit.replication import links
from strangler.toolkit.replication.database import Database
from strangler.toolkit.replication.errors import NotHealthy, NotReady
from strangler.toolkit.replication.pair import CLAIMS, Pair
from tests.toolkit.step.world import World


def names(domain: str) -> set[str]:
    """Everything that the step of a domain gives a name in PostgreSQL."""
    pair = Pair(domain, (), Database("old", ""), Database("new", ""), CLAIMS)
    return {pair.forward.name, pair.back.name, *pair.publications}


def test_no_domain_is_called_what_belongs_to_another() -> None:
    assert len(names("books")) == 4
    for kind in ("back", "claims", "tables", "forward"):
        assert names("books") & (names(f"books_{kind}") | names(f"{kind}_books")) == set()
    assert max(map(len, names("b" * 40))) < 64


def test_what_is_published_otherwise_is_not_followed(world: World) -> None:
    world.seed(5)
    world.run("library", "CREATE PUBLICATION strangler_tables_books FOR TABLE books_author")
    assert "strangler_tables_books has books_author and" in world.migrate(status=1).said
    world.strangler("rollback", "--abort")
    assert world.leftovers() == []
    world.migrate()
    assert world.rows("books", "SELECT count(*) AS n FROM books_book")[0]["n"] == 5


def pair(world: World, source: str, target: str) -> Pair:
    return Pair("books", ("books_book",), Database(source, world.postgres), Database(target, world.postgres))


def test_database_may_be_named_otherwise_than_its_host(world: World) -> None:
    world.run("postgres", "CREATE DATABASE prod TEMPLATE library_empty OWNER library")
    try:
        world.run("prod", "INSERT INTO books_author (name) VALUES ('of prod')")
        world.migrate(LIBRARY_POSTGRES_URL=world.url("prod"))
        assert world.rows("books", "SELECT name FROM books_author") == [{"name": "of prod"}]
        world.strangler("contract", "--yes", "--restarted", LIBRARY_POSTGRES_URL=world.url("prod"))
        assert not world.rows("prod", "SELECT FROM pg_class WHERE relname = 'books_author'")
        assert world.rows("library", "SELECT FROM pg_class WHERE relname = 'books_author'")
        assert world.leftovers() == []
    finally:
        world.run("postgres", "DROP DATABASE IF EXISTS prod WITH (FORCE)")


@pytest.fixture
def staging(world: World) -> Iterator[Pair]:
    """The same monolith once more on the server: its own step of books, to a database elsewhere."""
    world.run("postgres", "CREATE DATABASE staging TEMPLATE library_empty")
    yield pair(world, "staging", "postgres")
    world.run("postgres", "DROP DATABASE staging WITH (FORCE)")


def test_two_monoliths_of_a_server_leave_each_others_step_alone(world: World, staging: Pair) -> None:
    world.seed(5)
    world.migrate("--until", "expand")
    own = pair(world, "library", "books")
    with pytest.raises(NotReady, match="belongs to the database library"):
        links.check_free(staging.forward)
    with pytest.raises(NotReady, match="belongs to the database library"):
        links.create_slot(staging.forward)
    assert not links.health(staging.forward).slot
    assert links.health(staging.forward).lag is None
    with pytest.raises(NotHealthy, match="is gone"):
        links.catch_up(staging.forward, seconds=0.2)
    links.drop(staging.forward)
    assert links.health(own.forward).slot
    world.rows("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
    links.catch_up(own.forward, seconds=20)  # so its role and password are still there
    links.drop(own.forward)
    links.create_slot(staging.forward)
    links.drop(staging.forward)


def test_step_is_refused_before_it_changes_anything_where_the_name_is_anothers(
    world: World, staging: Pair
) -> None:
    links.create_slot(staging.forward)
    assert "belongs to the database staging" in world.migrate(status=1).said
    world.strangler("rollback", "--abort")
    assert links.health(staging.forward).slot
    links.drop(staging.forward)
    world.migrate("--until", "expand")
