"""The old host was away for so long that it can never follow again: only the new one's rows count."""

from collections.abc import Callable, Iterator

import pytest

from tests.ports import wait_for
from tests.toolkit.step.world import World

SLOT = "strangler_back_books"
WAL_STATUS = "SELECT wal_status, active FROM pg_replication_slots WHERE slot_name = %s"
WRITE = "SELECT pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()"
SINCE = "INSERT INTO books_author (name) VALUES ('since')"
CONTRACT = ("contract", "--yes", "--restarted")
GIVEN_UP = "--without-way-back"


@pytest.fixture
def world(world: World) -> Iterator[World]:
    world.seed(20)
    yield world
    world.run("postgres", "ALTER SYSTEM RESET max_slot_wal_keep_size")
    world.run("postgres", "SELECT pg_reload_conf()")


def fall_behind(world: World) -> None:
    """Nobody reads from the slot any more."""
    world.run("library", f"ALTER SUBSCRIPTION {SLOT} DISABLE")
    wait_for(lambda: not world.rows("postgres", WAL_STATUS, [SLOT])[0]["active"])
    world.run("books", SINCE)


def lose(world: World) -> None:
    """The server keeps the slot and has removed the log that it needs."""
    fall_behind(world)
    world.run("postgres", "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    world.run("postgres", "SELECT pg_reload_conf()")

    def lost() -> bool:
        world.run("postgres", WRITE)
        world.run("postgres", "CHECKPOINT")
        return bool(world.rows("postgres", WAL_STATUS, [SLOT])[0]["wal_status"] == "lost")

    wait_for(lost)


def drop(world: World) -> None:
    """Somebody needed the disk."""
    fall_behind(world)
    world.rows("postgres", "SELECT pg_drop_replication_slot(%s)", [SLOT])


def assert_moved(world: World) -> None:
    assert world.status()["owners"]["books"] == "books"
    assert world.rows("books", "SELECT 1 FROM books_author WHERE name = 'since'")
    assert not world.rows("library", "SELECT 1 FROM pg_class WHERE relname LIKE 'books_%'")
    assert world.leftovers() == []


@pytest.mark.parametrize("end", [lose, drop])
def test_way_back_is_given_up_by_who_says_so(world: World, end: Callable[[World], None]) -> None:
    world.migrate()
    end(world)
    for refused in (("rollback",), ("rollback", "--abort"), CONTRACT):
        assert GIVEN_UP in world.strangler(*refused, status=1).said
        (step,) = world.status()["steps"]
        assert (step["phase"], step["done"], step["owner"]) == ("soak", True, "books")
    assert "must be restarted" in world.strangler("contract", "--yes", GIVEN_UP, status=1).said
    world.strangler(*CONTRACT, GIVEN_UP)
    assert_moved(world)


def test_step_whose_way_back_is_lost_before_the_soak_ends(world: World) -> None:
    world.migrate("--until", "cutover")
    drop(world)
    assert GIVEN_UP in world.migrate(status=1).said
    assert "stands in soak" in world.strangler(*CONTRACT, status=1).said
    world.strangler(*CONTRACT, GIVEN_UP)
    assert_moved(world)


@pytest.mark.parametrize(
    ("way", "point"),
    [("there", "cutover.hand_over"), ("back", "undo-cutover.prepare_way_forward")],
)
def test_command_was_killed_and_nobody_came_in_time(world: World, way: str, point: str) -> None:
    if way == "back":
        world.migrate()
        world.strangler("rollback", status=None, STRANGLER_CRASH_AFTER=point)
    else:
        world.migrate(status=None, STRANGLER_CRASH_AFTER=point)
    drop(world)
    assert GIVEN_UP in world.migrate(status=1).said
    assert GIVEN_UP in world.strangler("rollback", status=1).said
    world.strangler(*CONTRACT, GIVEN_UP)
    assert_moved(world)


def test_contract_that_was_interrupted_asks_again_while_it_could_be_taken_back(world: World) -> None:
    world.migrate()
    world.strangler(*CONTRACT, status=None, STRANGLER_CRASH_AFTER="contract.restart_hosts")
    drop(world)
    assert GIVEN_UP in world.strangler(*CONTRACT, status=1).said
    crash = {"STRANGLER_CRASH_AFTER": "contract.end_way_back"}
    world.strangler(*CONTRACT, GIVEN_UP, status=None, **crash)
    assert "must be restarted" in world.strangler("contract", "--yes", status=1).said
    # It begins anew, and is interrupted again: that the way back is gone was its own doing.
    world.strangler(*CONTRACT, status=None, STRANGLER_CRASH_AFTER="contract.restart_hosts")
    assert "has moved for good" in world.strangler("rollback", status=1).said
    assert "takes it back" not in world.migrate(status=1).said
    world.strangler(*CONTRACT)
    assert_moved(world)


def test_way_back_that_is_open_is_looked_at_all_the_same(world: World) -> None:
    world.migrate()
    world.run("library", "SET session_replication_role = replica; DELETE FROM books_author WHERE id = 3")
    assert "books_author (3)" in world.strangler(*CONTRACT, GIVEN_UP, status=1).said
