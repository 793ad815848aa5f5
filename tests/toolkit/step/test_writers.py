"""The writers themselves: a fence that never lets go would be seen."""

from typing import Any

import psycopg
import pytest

from tests.ports import wait_for
from tests.toolkit.step.world import World
from tests.toolkit.step.writers import Writers

PATIENCE = 3.0
HELD = "BEGIN; LOCK TABLE books_book IN SHARE MODE"
WAITING = "SELECT count(*) AS n FROM pg_locks WHERE relation = 'books_book'::regclass AND NOT granted"


def held_for_too_long(world: World, writers: Writers) -> None:
    with world.connect("library") as fence:
        fence.execute(HELD)
        with pytest.raises(AssertionError, match="Not within"):
            writers.go_on()
    wait_for(lambda: writers.longest > PATIENCE)


def held_to_the_end(world: World, fence: psycopg.Connection[Any]) -> None:
    fence.execute(HELD)
    wait_for(lambda: world.rows("library", WAITING)[0]["n"] == 4)


def test_a_write_that_is_held_for_too_long_is_a_failure(world: World) -> None:
    with pytest.raises(AssertionError, match="a write took"), Writers(world, patience=PATIENCE) as writers:
        held_for_too_long(world, writers)


def test_writers_that_are_held_to_the_end_are_a_failure(world: World) -> None:
    with (
        world.connect("library") as fence,
        pytest.raises(AssertionError, match="4 writers are held"),
        Writers(world, patience=PATIENCE),
    ):
        held_to_the_end(world, fence)
