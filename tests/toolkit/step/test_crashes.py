"""kill -9 of the command between every two effects, under writers: run again it finishes, or undoes."""

import signal

import pytest

from strangler.toolkit.step import state as states
from strangler.toolkit.step.course import BACK, FORWARD
from strangler.toolkit.step.cutover import FENCED
from strangler.toolkit.step.state import PHASES, Domain
from tests.toolkit.step.world import World
from tests.toolkit.step.writers import Writers

KILLED = -signal.SIGKILL
FENCE = ["lock", *(name for name, _ in FENCED)]


def points(phase: str, names: list[str], verb: str) -> list[str]:
    """The crash points of a phase, those inside the fence and the copy at their place."""
    found = []
    for name in names:
        if name == "backfill":
            found.append("expand.part_of_backfill")
        if name in ("hand_over", "hand_back"):
            found += [f"{'cutover' if name == 'hand_over' else 'rollback'}.{inner}" for inner in FENCE]
        found.append(f"{verb}.{name}")
    return found


ON_THE_WAY = [
    point
    for phase in PHASES[:-1]
    for point in points(phase, [effect.name for effect in FORWARD[phase]], phase)
]
BACK_FROM_CUTOVER = points("cutover", [effect.name for effect in BACK["cutover"]], "undo-cutover")
BACK_FROM_EXPAND = points("expand", [effect.name for effect in BACK["expand"]], "undo-expand")
FOR_GOOD = points("contract", [effect.name for effect in FORWARD["contract"]], "contract")


def on_one_way(points: list[str]) -> list[str]:
    """Those that one step can pass one after another: once the giver has let go no fence goes up again."""
    return [point for point in points if not point.endswith(".flip_taker")]


def told(world: World, domain: str) -> Domain:
    """What the processes hear from Consul."""
    found = states.told(world.store, domain)
    assert found is not None
    return found


def test_step_goes_on_after_every_crash(world: World) -> None:
    world.seed(200)
    with Writers(world) as writers:
        for point in on_one_way(ON_THE_WAY):
            done = world.migrate(status=None, STRANGLER_CRASH_AFTER=point)
            assert done.status == KILLED, f"{point}: {done.said}"
            writers.go_on()
        world.migrate()
        writers.go_on()
        assert world.status()["owners"]["books"] == "books"
        for point in on_one_way(BACK_FROM_CUTOVER):
            done = world.strangler("rollback", status=None, STRANGLER_CRASH_AFTER=point)
            assert done.status == KILLED, f"{point}: {done.said}"
            writers.go_on()
        world.strangler("rollback")
        writers.go_on()
        (step,) = world.status()["steps"]
        assert (step["phase"], step["owner"]) == ("shadow", "library")
        world.migrate()
        writers.go_on()
        for point in FOR_GOOD:
            done = world.strangler(
                "contract", "--yes", "--restarted", status=None, STRANGLER_CRASH_AFTER=point
            )
            assert done.status == KILLED, f"{point}: {done.said}"
            # The command that is run again tells it, whatever of the owners is forgotten already.
            assert told(world, "books").owner == "books", point
            writers.go_on()
        world.strangler("contract", "--yes", "--restarted")
        assert told(world, "books").owner == "books"
        writers.go_on()
    assert writers.failures == []
    assert writers.missing("books") == []
    assert world.leftovers() == []


@pytest.mark.parametrize("point", ON_THE_WAY)
def test_step_is_given_up_after_a_crash(world: World, point: str) -> None:
    world.seed(20)
    with Writers(world, 2) as writers:
        done = world.migrate(status=None, STRANGLER_CRASH_AFTER=point)
        assert done.status == KILLED, done.said
        writers.go_on()
        world.strangler("rollback", "--abort")
        writers.go_on()
    assert writers.failures == []
    assert writers.missing("library") == []
    assert world.leftovers() == []
    assert world.status()["steps"] == []


def test_giving_up_goes_on_after_every_crash(world: World) -> None:
    world.seed(20)
    world.migrate("--until", "expand")
    for point in BACK_FROM_EXPAND:
        done = world.strangler("rollback", status=None, STRANGLER_CRASH_AFTER=point)
        assert done.status == KILLED, f"{point}: {done.said}"
    world.strangler("rollback")
    assert world.leftovers() == []
