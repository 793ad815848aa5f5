"""Whether the hosts that run now have what a stage's routes ask of them."""

from collections.abc import Mapping

from strangler.chassis.discovery import is_member
from strangler.toolkit.consul import KeyValues
from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.gateway.splits import Split
from strangler.toolkit.plan import Plan


class RunsWithout(ToolkitError):
    """A host would be asked for a domain that it runs without: its answer to everybody is 404."""


def refuse_without(store: KeyValues, plan: Plan, *, stage: int, splits: Mapping[str, Split]) -> None:
    """Raise RunsWithout if a domain's host at this stage has instances, and none of them runs the domain.

    A host without any may be about to start. A domain with a split goes where that says, at every stage.
    """
    for host in plan.hosts:
        instances = store.instances(host).values()
        runs = {d for d in plan.domains if any(is_member(tags, host, d) for tags in instances)}
        asked = {d for d in plan.domains if d not in splits and plan.host_of(d, stage=stage) == host}
        if runs and (missing := sorted(asked - runs)):
            raise RunsWithout(
                f"Stage {stage} has {' and '.join(missing)} at {host}, which runs without: it would answer "
                "with 404. Nothing was written. `./run strangler status` says who owns what."
            )
