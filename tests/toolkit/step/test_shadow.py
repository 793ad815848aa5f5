"""What the shadow phase and the canary take for evidence."""

import pytest

from strangler.toolkit.step import counters
from strangler.toolkit.step import state as states
from strangler.toolkit.step.counters import Total
from tests.toolkit.step.world import World

WENT_BACK = 3


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (Total(failed=500), WENT_BACK),
        (Total(compared=100, failed=26), WENT_BACK),
        (Total(compared=900, failed=90), 0),
    ],
    ids=["nothing answered", "many failed", "some failed"],
)
def test_questions_without_an_answer_are_no_pass(
    world: World, monkeypatch: pytest.MonkeyPatch, found: Total, status: int
) -> None:
    world.seed(5)
    monkeypatch.setattr(counters, "total", lambda step: found)
    done = world.migrate("--until", "shadow", status=status)
    assert f"{found.failed} failed" in done.said
    assert ("had no answer to compare" in done.said) == (status == WENT_BACK)


def test_answers_are_compared_again_in_the_canary_after_a_way_back(world: World) -> None:
    world.seed(5)
    world.migrate()
    world.strangler("rollback")
    world.migrate("--until", "canary")
    told = states.told(world.store, "books")
    assert told is not None
    assert (told.owner, told.peer, told.shadow) == ("library", "books", 1.0)
