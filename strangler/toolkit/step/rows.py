"""Whether both sides hold the same rows: looked at before a domain goes over, while it could go back, and
before it does so where they did not."""

from strangler.toolkit.replication import checksums
from strangler.toolkit.replication.links import Link
from strangler.toolkit.step import state as states
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.state import Phase
from strangler.toolkit.step.step import Step


def differing(step: Step, link: Link, phase: Phase) -> str:
    """Which rows of the publisher and its follower differ, and how they can be changed, in words, or nothing.
    How many is remembered among the phase's figures."""
    found = checksums.compare(step.pair, link)
    step.measured(phase, rows_compared=found.rows, rows_differing=len(found.differing))
    step.held.transaction(states.save(step.state))
    step.screen.note(f"{found.rows:,} rows compared, {len(found.differing)} differ")
    if not found.differing:
        return ""
    told = ", ".join(f"{table} {key}" for table, key in found.differing[:10])
    return (
        f"{len(found.differing)} rows of {step.domain} differ between {link.publisher.host} and "
        f"{link.subscriber.host}: {told}. `./run strangler verify` shows them. The fence lets nobody "
        f"change them at {link.subscriber.host} but a superuser's session that begins with "
        "`SET session_replication_role = replica`."
    )


def check_before_going_back(step: Step) -> None:
    """Raise StepError where the target's rows were not all at the source when they were compared last, and
    still are not, unless that was accepted."""
    differed = step.state.figures.get("soak", {}).get("rows_differing")
    if not differed or step.options.accept_differing or step.owner() == step.state.source:
        return
    if found := differing(step, step.pair.back, "soak"):
        raise StepError(
            f"{found} Going back, those of {step.state.source} would count. Make them the same, or accept "
            "that (--accept-differing)."
        )
