"""`strangler parity --stage N`: does stage N behave as the reference does?"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import requests
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.options import PlanOption, of_caller
from strangler.toolkit.plan.file import DEFAULT
from strangler.toolkit.stack import Stack, StackError
from strangler.toolkit.stack.running import port_base, run_directory

if TYPE_CHECKING:
    from strangler.toolkit.parity.report import Report

console = Console(highlight=False)

REFERENCE_STAGE = 0
ANSWER_SECONDS = 10
OFFSETS = {"reference": 100, "candidate": 200}
"""Added to PORT_BASE: the two systems stand beside whatever runs in this checkout."""


class NotComparable(ToolkitError):
    """One of the two systems is not there."""

    status = 2


def parity(
    stage: Annotated[int, typer.Option(help="The stage to compare with stage 0.", min=0)] = 1,
    sequences: Annotated[int, typer.Option(help="How many sequences of calls to generate.", min=0)] = 100,
    seed: Annotated[int, typer.Option(help="The same seed draws the same sequences.")] = 1,
    length: Annotated[int, typer.Option(help="Moves of a sequence, at most.", min=1)] = 30,
    journey: Annotated[
        list[str] | None, typer.Option(help="Only this journey (repeatable); `none` for no journey.")
    ] = None,
    suite: Annotated[
        str | None, typer.Option(help="The suite's module; the plan's `parity` if not given.")
    ] = None,
    plan: PlanOption = DEFAULT,
    reference: Annotated[str | None, typer.Option(help="Base URL of a running reference.")] = None,
    candidate: Annotated[str | None, typer.Option(help="Base URL of a running candidate.")] = None,
    report: Annotated[Path, typer.Option(help="Where the report goes.", callback=of_caller)] = Path("report"),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the systems running, for the next comparison.")
    ] = False,
) -> None:
    """Make the same calls to stage 0 and stage N and compare every answer.

    Brings both systems up beside whatever runs, unless --reference and --candidate name running ones. Exit
    status 1 if anything differs.
    """
    from strangler.toolkit.parity.run import compare
    from strangler.toolkit.parity.suite import NotASuite, load

    try:
        loaded = load(suite or _planned(plan))
        chosen = None if not journey else [name for name in journey if name != "none"]
        unknown = [name for name in chosen or [] if name not in loaded.JOURNEYS]
        if unknown:
            known = ", ".join(loaded.JOURNEYS)
            raise NotASuite(f"there is no journey {', '.join(unknown)}. There are: {known}.")
        environment = getattr(loaded, "ENVIRONMENT", {})
        systems = _systems(stage, reference, candidate, keep=keep, environment=environment)
        with systems as (here, there), _bar() as bar:
            tasks = {kind: bar.add_task(kind, total=None) for kind in ("journeys", "sequences")}

            def progress(what: str, done: int, of: int) -> None:
                task = tasks["journeys" if what == "journeys" else "sequences"]
                bar.update(task, description=what, completed=done, total=of)

            result = compare(
                loaded,
                reference=here,
                candidate=there,
                run=f"p{int(time.time()):x}",
                sequences=sequences,
                seed=seed,
                length=length,
                journeys=chosen,
                progress=progress,
            )
    except StackError as error:
        raise NotComparable(str(error)) from error
    page = result.write(report)
    _print(result)
    console.print(f"Report: {page} and {page.with_suffix('.json').name}")
    raise typer.Exit(0 if result.equal else 1)


def _planned(plan: Path) -> str:
    from strangler.toolkit.parity.suite import NotASuite
    from strangler.toolkit.plan import load

    named = load(plan).parity
    if named is None:
        raise NotASuite(f"{plan} names no parity suite: add `parity: some.module`, or name one with --suite.")
    return named


@contextmanager
def _systems(
    stage: int,
    reference: str | None,
    candidate: str | None,
    *,
    keep: bool,
    environment: dict[str, str],
) -> Iterator[tuple[str, str]]:
    """Base URLs of the two systems. Those that no URL was given for are brought up, or found running from an
    earlier comparison, and taken down at the end unless they are to be kept."""
    root, base = Path.cwd(), port_base()
    home = run_directory(root) / "parity"
    stacks = {
        name: Stack(root, home / name, base + offset, environment=environment)
        for name, offset in OFFSETS.items()
    }
    if candidate is None:
        stacks["candidate"].check(stage)
    urls: list[str] = []
    ours: list[Stack] = []
    try:
        for name, url, its_stage in (
            ("reference", reference, REFERENCE_STAGE),
            ("candidate", candidate, stage),
        ):
            if url is None:
                stack = stacks[name]
                ours.append(stack)
                state = stack.state if stack.running() else None
                if state is None or state.stage != its_stage:
                    with console.status(f"bringing up stage {its_stage} as the {name}"):
                        stack.up(its_stage)
                url = stack.url
            _answers(name, url)
            urls.append(url)
        yield urls[0], urls[1]
    finally:
        for stack in () if keep else ours:
            with console.status("taking the systems down"):
                stack.down(purge=True)


def _answers(name: str, url: str) -> None:
    try:
        requests.get(url, timeout=ANSWER_SECONDS)
    except requests.RequestException as error:
        raise NotComparable(f"the {name} at {url} does not answer: {error}") from error


@contextmanager
def _bar() -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description:10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as bar:
        yield bar


def _print(result: "Report") -> None:
    from strangler.toolkit.parity import text

    for finding in result.findings():
        console.print(text.reported(finding), markup=False, soft_wrap=True)
        console.print()
    generated = result.generated
    counts = f"{len(result.journeys)} journeys"
    if generated:
        counts += f", {generated.sequences:,} generated sequences (seed {generated.seed})"
    verdict = "[bold green]no difference[/]" if result.equal else "[bold red]the systems differ[/]"
    rate = result.calls / result.seconds if result.seconds else 0
    console.print(
        f"{counts}, {result.calls:,} calls to each system in {result.seconds:.0f} s ({rate:.0f}/s): {verdict}"
    )
