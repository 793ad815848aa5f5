"""Whether another stage would have a domain's data elsewhere than it is."""

from strangler.toolkit.plan import load
from strangler.toolkit.plan.file import DEFAULT
from strangler.toolkit.stack.errors import StackError
from strangler.toolkit.stack.stack import Stack


class DataElsewhere(StackError):
    """The stage asked for keeps a domain in another database than the one where its data is."""


def refuse_moves(stack: Stack, stage: int) -> None:
    """Raise DataElsewhere if going to this stage moves a domain: a start does not carry data along."""
    data, file = stack.memory.data, stack.layout.root / DEFAULT
    if data is None or not file.exists():
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
