"""`strangler tags`: derive the tag of each built stage from HEAD."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from strangler.toolkit.options import PlanOption
from strangler.toolkit.plan.file import DEFAULT, PlanInvalid
from strangler.toolkit.tags.derivation import Derivation, TagTaken, WorkTreeDirty, apply, derive
from strangler.toolkit.tags.git import Git, GitFailed
from strangler.toolkit.tags.projection import NotDerivable
from strangler.toolkit.tags.topology import TopologyBroken

REFUSALS = (GitFailed, NotDerivable, PlanInvalid, TagTaken, TopologyBroken, WorkTreeDirty)


def tags(
    plan: PlanOption = DEFAULT,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit status 1 if out of date.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Derive the tag of each built stage from HEAD: the same HEAD gives the same tags."""
    git = Git(root=Path.cwd())
    try:
        if check:
            with git.scratch() as scratch:
                derivation = derive(scratch, plan_path=plan)
        else:
            derivation = derive(git, plan_path=plan)
            apply(git, derivation)
    except REFUSALS as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from None
    if as_json:
        sys.stdout.write(json.dumps(_plain(derivation), indent=2) + "\n")
    else:
        _show(derivation, check=check)
    if check and not derivation.current:
        raise typer.Exit(1)


def _plain(derivation: Derivation) -> dict[str, object]:
    return {
        "head": derivation.head,
        "tags": [
            {"name": t.stage.tag, "commit": t.commit, "tag": t.tag, "before": t.before, "current": t.current}
            for t in derivation.tags
        ],
        "leftover": derivation.leftover,
    }


def _show(derivation: Derivation, *, check: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for derived in derivation.tags:
        stale = "missing" if derived.before is None else "out of date"
        done = "new" if derived.before is None else "moved"
        state = "unchanged" if derived.current else stale if check else done
        console.print(f"{derived.stage.tag:<24} {derived.commit[:12]}  {state}")
    for name in derivation.leftover:
        console.print(f"{name:<24} {'no longer in the plan' if check else 'removed'}")
    if check and not derivation.current:
        console.print("Derive them: ./run tags")
