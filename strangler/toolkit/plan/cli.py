"""`strangler plan`: check a plan file, show what it says."""

import inspect
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from strangler.toolkit.options import of_caller
from strangler.toolkit.plan.check import check
from strangler.toolkit.plan.drawing import draw
from strangler.toolkit.plan.file import DEFAULT, load
from strangler.toolkit.plan.keys import described
from strangler.toolkit.plan.model import Plan

app = typer.Typer(help="The plan file: what moves, in which order.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="The plan file.", callback=of_caller)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command("check")
def check_command(
    file: FileArgument = DEFAULT,
    as_json: JsonOption = False,
    django: Annotated[bool, typer.Option(help="Compare with the models and URLs too.")] = True,
) -> None:
    """Name every mistake in the plan: file, line, what is wrong, what to do. Exit status 1 if any."""
    verdict = check(file, django=django)
    console = Console(soft_wrap=True, highlight=False)
    if as_json:
        problems = [
            {"file": str(p.file), "line": p.line, "what": p.what, "remedy": p.remedy}
            for p in verdict.problems
        ]
        sys.stdout.write(json.dumps({"problems": problems, "notes": verdict.notes}, indent=2) + "\n")
    else:
        for problem in verdict.problems:
            place = escape(f"{problem.file}:{problem.line}:")
            console.print(f"[bold]{place}[/] {escape(problem.what)} [dim]{escape(problem.remedy)}[/]")
        for note in verdict.notes:
            console.print(f"[yellow]Note:[/] {escape(note)}")
        if verdict.problems:
            count = len(verdict.problems)
            console.print(f"[red]{count} mistake{'s' if count > 1 else ''}.[/]")
        elif verdict.plan is not None:
            plan = verdict.plan
            routes = sum(len(domain.routes) for domain in plan.domains.values())
            tables = sum(len(domain.tables) for domain in plan.domains.values())
            console.print(
                f"[green]{escape(str(file))} is right:[/] {len(plan.domains)} domains, {tables} tables, "
                f"{routes} routes, {len(plan.built)} of {len(plan.stages)} stages built."
            )
    raise typer.Exit(2 if not file.exists() else 1 if verdict.problems else 0)


@app.command("show")
def show_command(file: FileArgument = DEFAULT, as_json: JsonOption = False) -> None:
    """Draw the stages: which host owns which domain when."""
    plan = load(file)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(plan)))
    else:
        Console().print(draw(plan))


@app.command("schema")
def schema_command(as_json: JsonOption = False) -> None:
    """The keys that a plan file may have; --json: as a JSON Schema, for an editor."""
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(_tidy(msgspec.json.schema(Plan)))))
    for line in () if as_json else described():
        typer.echo(line)


def _tidy(schema: Any) -> Any:
    """Its descriptions are docstrings, which are indented as their code is."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: inspect.cleandoc(part) if key == "description" and isinstance(part, str) else _tidy(part)
        for key, part in schema.items()
    }
