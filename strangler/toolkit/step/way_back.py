"""The way back: replication from the target, once it owns the domain, to the source. Where the slot is
gone or lost the source stays behind for good: then the target's rows are the only ones that count."""

from strangler.toolkit.replication import links
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.step import Step


def check(step: Step) -> None:
    """Raise StepError where it is lost, unless that was accepted."""
    if _lost(step) and not step.options.without_way_back:
        raise StepError(
            f"There is no way back any more: {links.diagnosis(step.pair.back)}. "
            f"`./run strangler contract --without-way-back` moves {step.domain} for good all the same."
        )


def given_up(step: Step) -> bool:
    """Whether it is lost, and that was accepted: nothing waits for the source or is compared then."""
    return step.options.without_way_back and _lost(step)


def _lost(step: Step) -> bool:
    health = links.health(step.pair.back)
    return step.owner() == step.state.target and (not health.slot or health.lost)
