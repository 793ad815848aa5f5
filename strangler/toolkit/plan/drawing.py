"""A plan drawn for the terminal."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from strangler.toolkit.plan.model import Plan


def draw(plan: Plan) -> RenderableType:
    """The domains, then the stages with what moves and what stays."""
    return Group(_domains(plan), Text(), _stages(plan))


def _domains(plan: Plan) -> Table:
    table = Table(title=f"{plan.name}: domains", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("domain", no_wrap=True)
    table.add_column("package", no_wrap=True)
    for heading in ("tables", "routes", "public", "user", "staff"):
        table.add_column(heading, justify="right")
    for name, domain in plan.domains.items():
        access = [needed for methods in domain.routes.values() for needed in methods.values()]
        figures = [len(domain.tables), len(domain.routes)]
        figures += [access.count(kind) for kind in ("public", "user", "staff")]
        table.add_row(name, domain.app, *map(str, figures))
    return table


def _stages(plan: Plan) -> Tree:
    tree = Tree("stages", guide_style="dim")
    for stage in plan.stages:
        state = ("built", "green") if stage.built else ("planned", "yellow")
        branch = tree.add(Text.assemble((stage.tag, "bold"), "  ", state))
        branch.add(stage.summary)
        staying = [d for d in plan.domains if plan.host_of(d, stage=stage.number) == plan.origin]
        if stage.moves:
            branch.add(Text(f"{', '.join(stage.moves)} → a host of its own", style="bold"))
        if plan.gateway is not None and plan.gateway.since == stage.number:
            branch.add(Text("from here on behind the gateway", style="bold"))
        branch.add(Text(f"{plan.origin}: {', '.join(staying) or 'nothing left'}", style="dim"))
    return tree
