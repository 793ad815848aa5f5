"""Soak: the target owns the domain, the source follows, and the step could still go back without loss."""

from strangler.toolkit.replication import checksums, links
from strangler.toolkit.replication.errors import NotHealthy
from strangler.toolkit.step import way_back
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
    found = checksums.compare(step.pair, step.pair.back)
    step.measured("soak", rows_compared=found.rows, rows_differing=len(found.differing))
    step.screen.note(f"{found.rows:,} rows compared, {len(found.differing)} differ")
    if found.differing:
        raise StepError(
            f"{len(found.differing)} rows of {step.domain} differ between {step.state.target} and "
            f"{step.state.source}: {', '.join(found.differing[:10])}. Look at them before the domain "
            "is moved for good; `./run strangler verify` shows them again."
        )


SOAK: tuple[Effect, ...] = table(check_way_back, compare_sides)
