"""`strangler contracts`: the golden JSON Schemas of the plan's contracts, and their events as AsyncAPI."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from strangler.chassis.events.protobuf import NoSuchField
from strangler.toolkit.contracts import asyncapi, schemas
from strangler.toolkit.contracts.compatibility import breaks
from strangler.toolkit.options import PlanOption
from strangler.toolkit.plan.file import DEFAULT, PlanInvalid, load

app = typer.Typer(help="Contracts, and whether a change to one keeps its promise.", no_args_is_help=True)


@app.command("schemas")
def schemas_command(
    plan: PlanOption = DEFAULT,
    write: Annotated[bool, typer.Option("--write", help="Bring the golden schemas up to date.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit status 1 if they are not.")] = False,
    breaking: Annotated[
        bool, typer.Option("--breaking", help="Write changes that old callers cannot live with, too.")
    ] = False,
) -> None:
    """Compare the contracts with their golden schemas: name what changed, and each field that breaks."""
    console = Console(soft_wrap=True, highlight=False)
    if write and check:
        raise typer.BadParameter("choose --write or --check")
    try:
        wrong = _each(plan, console, write=write, breaking=breaking)
    except (PlanInvalid, schemas.NoPort, ImportError) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from None
    raise typer.Exit(1 if wrong else 0)


@app.command("asyncapi")
def asyncapi_command(
    plan: PlanOption = DEFAULT,
    write: Annotated[bool, typer.Option("--write", help="Bring the kept document up to date.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit status 1 if it is not.")] = False,
) -> None:
    """Print the AsyncAPI document of the contracts' events, or compare it with the one that is kept."""
    console = Console(soft_wrap=True, highlight=False)
    if write and check:
        raise typer.BadParameter("choose --write or --check")
    try:
        loaded = load(plan)
        root = (plan.parent / loaded.root).resolve()
        now, path = schemas.text(asyncapi.document(loaded, root=root)), asyncapi.place(loaded, root=root)
    except (PlanInvalid, NoSuchField, ImportError) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from None
    if write:
        path.parent.mkdir(exist_ok=True)
        path.write_text(now)
    elif not check:
        typer.echo(now, nl=False)
    elif not path.exists() or path.read_text() != now:
        console.print(f"{escape(path.name)} is not up to date: `./run strangler contracts asyncapi --write`")
        raise typer.Exit(1)


def _each(file: Path, console: Console, *, write: bool, breaking: bool) -> int:
    plan, wrong = load(file), 0
    root = (file.parent / plan.root).resolve()
    for domain in plan.domains:
        module = schemas.contract_module(plan, domain, root=root)
        now, path = schemas.document(module, domain), schemas.golden(module, domain)
        before = schemas.read(path)
        if before is not None and schemas.text(now) == path.read_text():
            console.print(f"[green]{domain}[/]: unchanged")
            continue
        broken = breaks(before, now) if before is not None else []
        for what in broken:
            console.print(f"[red]{domain}[/]: {escape(what)}")
        if write and (breaking or not broken):
            path.parent.mkdir(exist_ok=True)
            path.write_text(schemas.text(now))
            console.print(f"[green]{domain}[/]: written")
            continue
        wrong += 1
        if broken:
            console.print(
                "  Old callers and hosts still run while the new ones start. Keep what they use and add "
                "beside it; or, where nobody uses it, `./run strangler contracts schemas --write --breaking`."
            )
        else:
            console.print(f"[yellow]{domain}[/]: compatible: `./run strangler contracts schemas --write`")
    return wrong
