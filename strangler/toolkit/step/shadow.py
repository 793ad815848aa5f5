"""Shadow: the target's answers are compared with the source's, before anybody is given one of them."""

import time

from strangler.toolkit.step import counters, sweep
from strangler.toolkit.step.effects import Effect, table
from strangler.toolkit.step.errors import Inconclusive, WentBack
from strangler.toolkit.step.step import Step

LOOK_SECONDS = 0.5
MOST_FAILED, FEWEST_FAILED = 0.2, 10
"""A larger share of questions without an answer is a bad verdict, once there are so many. Fewer of them the
canary judges, against the source's own."""


def count_anew(step: Step) -> None:
    """What an earlier attempt counted says nothing about this one."""
    counters.clear(step)


def compare_all(step: Step) -> None:
    """Ask both hosts for every row that the contract gives by id."""
    swept = sweep.sweep(step)
    step.measured(
        "shadow", swept=swept.compared, sweep_differs=len(swept.differing), not_swept=swept.left_out
    )
    for reason in swept.left_out:
        step.screen.note(reason)
    if swept.differing:
        raise WentBack(
            f"{len(swept.differing)} of {swept.compared} answers of {step.state.target} differ: "
            + "; ".join(swept.differing[:3])
        )


def compare_live(step: Step) -> None:
    """The processes compare what they ask, until enough was compared or the time for it is over."""
    step.tell(shadow=step.options.shadow)
    deadline = time.monotonic() + step.options.shadow_seconds
    found = counters.total(step)
    while found.compared < step.options.comparisons and not found.mismatched and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        found = counters.total(step)
    step.measured(
        "shadow",
        compared=found.compared,
        mismatched=found.mismatched,
        stale=found.stale,
        failed=found.failed,
    )
    step.screen.note(
        f"{found.compared} answers compared, {found.mismatched} differ, {found.stale} were stale, "
        f"{found.failed} failed"
    )
    if found.mismatched:
        step.tell()
        raise WentBack(f"{found.mismatched} answers of {step.state.target} differ: {found.example}")
    if found.failed >= FEWEST_FAILED and found.failed > MOST_FAILED * (found.compared + found.failed):
        step.tell()
        raise WentBack(
            f"{found.failed} questions to {step.state.target} or {step.state.source} had no answer to "
            f"compare, and {found.compared} had one. The logs of their processes say why."
        )
    swept = step.state.figures["shadow"].get("swept", 0)
    if found.compared + swept < step.options.comparisons and not step.options.accept_inconclusive:
        step.tell()
        raise Inconclusive(
            f"Only {found.compared} live answers and {swept} rows were compared, of the "
            f"{step.options.comparisons} that a verdict needs. Wait for more traffic (--shadow-seconds), be "
            "content with less (--comparisons), or accept it (--accept-inconclusive)."
        )


SHADOW: tuple[Effect, ...] = table(count_anew, compare_all, compare_live)


def compare_no_more(step: Step) -> None:
    """The processes ask the owner only."""
    step.tell()


UNDO_SHADOW: tuple[Effect, ...] = table(compare_no_more)
