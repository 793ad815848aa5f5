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
        _divide(step, percent)
        _write(step, stage=step.state.stage - 1)


def reads_to_old(step: Step) -> None:
    """Reads go back to the source, whether or not the target is there; writes to who owns."""
    if behind_gateway(step):
        _divide(step, 0)
        _write(step, stage=step.state.stage - 1, back=True)


def to_owner(step: Step) -> None:
    """Reads and writes go to the target, which owns the domain now."""
    reads_to_new(step, 100)


def all_old(step: Step) -> None:
    """Reads and writes go back to the source; the split goes too, if the source owns the domain."""
    if behind_gateway(step):
        splits.clear(step.store, step.domain)
        _write(step, stage=step.state.stage - 1, back=True)


def all_new(step: Step) -> None:
    """The routes of the new stage, without a split."""
    if behind_gateway(step):
        splits.clear(step.store, step.domain)
        _write(step, stage=step.state.stage)


def _divide(step: Step, percent: int) -> None:
    state = step.state
    split = Split(old=state.source, new=state.target, reads_to_new=percent, writes_to=step.owner())
    splits.set(step.store, step.domain, split)


def _write(step: Step, *, stage: int, back: bool = False) -> None:
    """Without Traefik's address too: it reads Consul, only nobody sees here when it has. On a way `back` a
    host that is away holds nothing up: it may be what one goes back for."""
    if not step.places.traefik:
        step.screen.note("TRAEFIK_URL is not known: routes are written, and not waited for")
    tell = step.screen.note if back else None
    places, domain = step.places, step.domain
    routing.route(step.store, step.plan, stage=stage, domain=domain, traefik_url=places.traefik, tell=tell)
