"""Whether another stage would have a domain's data elsewhere than it is, or leave a step's hosts behind."""

from strangler.toolkit.plan import load
from strangler.toolkit.plan.file import DEFAULT
from strangler.toolkit.stack.errors import StackError
from strangler.toolkit.stack.stack import Stack


class DataElsewhere(StackError):
    """The stage asked for keeps a domain in another database than the one where its data is, or will be."""


def refuse_moves(stack: Stack, stage: int) -> None:
    """Raise DataElsewhere if going to this stage moves a domain: a start does not carry data along; or if it
    is neither of the two between which a step is under way: no other runs the hosts of both."""
    data, file = stack.memory.data, stack.layout.root / DEFAULT
    if data is None:
        return
    if data.begun is not None and stage not in (data.stage, data.begun):
        raise DataElsewhere(
            f"a step from stage {data.stage} to {data.begun} is under way in {stack.layout.run}, and stage "
            f"{stage} does not run what it needs. `./run up --stage {data.stage}` starts what was here; then "
            f"`./run strangler migrate --to {data.begun}` carries the step on, and `./run strangler rollback "
            "--abort` takes it back. To begin anew, forget the data first: `./run down --purge`."
        )
    if not file.exists():
        return
    plan = load(file)
    moved = [d for d in plan.domains if plan.host_of(d, stage=stage) != plan.host_of(d, stage=data.stage)]
    if not moved:
        return
    if stage > data.stage:
        way = f"`./run strangler migrate --to {stage}` takes the data along"
    else:
        way = (
            "`./run strangler rollback` goes back while a step is under way, and not after its contract phase"
        )
    raise DataElsewhere(
        f"the data in {stack.layout.run} is of stage {data.stage}; stage {stage} has {' and '.join(moved)} "
        f"in another database. {way}; `./run up --stage {data.stage}` starts what was here. To begin anew at "
        f"stage {stage}, forget the data first: `./run down --purge`."
    )
