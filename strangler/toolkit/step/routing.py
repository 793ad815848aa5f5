"""Where the gateway sends a domain's requests while its step is under way."""

from strangler.toolkit.gateway import routing, splits
from strangler.toolkit.gateway.splits import Split
from strangler.toolkit.step.step import Step


def behind_gateway(step: Step) -> bool:
    """Whether the plan has a gateway before the step begins."""
    gateway = step.plan.gateway
    return gateway is not None and gateway.since < step.state.stage


def reads_to_new(step: Step, percent: int) -> None:
    """So many percent of the reads go to the target; writes to who owns."""
    if behind_gateway(step):
        state = step.state
        split = Split(old=state.source, new=state.target, reads_to_new=percent, writes_to=step.owner())
        splits.set(step.store, step.domain, split)
        _write(step, stage=state.stage - 1)


def to_owner(step: Step) -> None:
    """Reads and writes go to the target, which owns the domain now."""
    reads_to_new(step, 100)


def all_old(step: Step) -> None:
    """Reads and writes go to the source; the split goes too, if the source owns the domain."""
    if behind_gateway(step):
        splits.clear(step.store, step.domain)
        _write(step, stage=step.state.stage - 1)


def all_new(step: Step) -> None:
    """The routes of the new stage, without a split."""
    if behind_gateway(step):
        splits.clear(step.store, step.domain)
        _write(step, stage=step.state.stage)


def _write(step: Step, *, stage: int) -> None:
    """Without Traefik's address too: it reads Consul, only nobody sees here when it has."""
    if not step.places.traefik:
        step.screen.note("TRAEFIK_URL is not known: routes are written, and not waited for")
    routing.route(step.store, step.plan, stage=stage, traefik_url=step.places.traefik)
