"""Soak: the target owns the domain, the source follows, and the step could still go back without loss."""

from strangler.toolkit.replication import links
from strangler.toolkit.replication.errors import NotHealthy
from strangler.toolkit.step import rows, way_back
from strangler.toolkit.step.effects import Effect, table
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.step import Step


def check_way_back(step: Step) -> None:
    """Replication from the target to the source is healthy: the gate of this phase."""
    way_back.check(step)
    if way_back.given_up(step):
        step.screen.note(f"{step.state.source} stays behind: its rows are not compared")
        return
    try:
        seconds = links.catch_up(step.pair.back, seconds=step.options.patience)
    except NotHealthy as error:
        raise StepError(f"The way back is not open: {error}") from error
    step.measured("soak", catch_up_seconds=round(seconds, 3))


def compare_sides(step: Step) -> None:
    """Every row is the same on both sides."""
    if way_back.given_up(step):
        return
    if found := rows.differing(step, step.pair.back, "soak"):
        raise StepError(f"{found} Look at them and make them the same: then this command goes on.")


SOAK: tuple[Effect, ...] = table(check_way_back, compare_sides)
