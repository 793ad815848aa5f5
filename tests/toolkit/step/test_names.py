"""Links of two steps, and two steps of one name, keep out of each other's way."""

from strangler.toolkit.replication.database import Database
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
