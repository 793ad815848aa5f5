"""Claims on events go with their domain, both ways, and nobody else's do."""

from uuid import UUID

from tests.ports import wait_for
from tests.toolkit.step.world import World

CLAIM = "INSERT INTO events_inbox (event_id, handler, domain, handled_at) VALUES (%s, 'h', %s, now())"


def claim(world: World, host: str, number: int, domain: str = "books") -> None:
    with world.connect(host, host) as connection:
        connection.execute(CLAIM, [UUID(int=number), domain])


def claims(world: World, host: str) -> set[int]:
    return {row["event_id"].int for row in world.rows(host, "SELECT event_id FROM events_inbox")}


def test_claims_travel_with_their_domain(world: World) -> None:
    claim(world, "library", 1)
    claim(world, "library", 2, "lending")
    world.migrate("--until", "expand")
    assert claims(world, "books") == {1}
    claim(world, "library", 3)
    claim(world, "library", 4, "lending")
    wait_for(lambda: claims(world, "books") == {1, 3})
    world.migrate()
    claim(world, "books", 5)
    wait_for(lambda: claims(world, "library") == {1, 2, 3, 4, 5})
    world.strangler("rollback")
    claim(world, "library", 6)
    wait_for(lambda: claims(world, "books") == {1, 3, 5, 6})
    world.migrate()
    world.strangler("contract", "--yes", "--restarted")
    assert claims(world, "library") == {2, 4}
    assert claims(world, "books") == {1, 3, 5, 6}


def test_copy_that_begins_again_has_no_claims_twice(world: World) -> None:
    claim(world, "library", 1)
    world.migrate(status=None, STRANGLER_CRASH_AFTER="expand.part_of_backfill")
    world.migrate("--until", "expand")
    assert claims(world, "books") == {1}
