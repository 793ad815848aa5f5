"""`./run demo`: see `--help`. Exit status 0 only if nothing failed, nothing differed and nothing was lost."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.plan import load
from strangler.toolkit.stack import Stack
from strangler.toolkit.stack.running import port_base, run_directory
from tests.demo import report
from tests.demo.course import Course, Options
from tests.demo.watching import View
from tests.traffic.process import TrafficFailed

ROOT = Path(__file__).resolve().parents[2]
LAST_STAGE = max(stage.number for stage in load(ROOT / "migrations-plan" / "plan.yaml").built)
INTERRUPTED = 130


def main(
    minutes: Annotated[float, typer.Option(help="How long the traffic lasts, at least.", min=0.5)] = 3.5,
    users: Annotated[int, typer.Option(help="How many users at a time.", min=2)] = 25,
    to: Annotated[int, typer.Option(help="The stage to move to.", min=0, max=LAST_STAGE)] = LAST_STAGE,
    least_requests: Annotated[int, typer.Option(help="With fewer requests the demo fails.")] = 5000,
    out: Annotated[Path, typer.Option(help="Where demo.json and demo.html go.")] = ROOT / "report",
    as_json: Annotated[bool, typer.Option("--json", help="Print demo.json too.")] = False,
) -> None:
    """Bring up stage 0, send traffic, move step by step with a rollback on the way, and audit."""
    console = Console(stderr=as_json, highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    options = Options(minutes=minutes, users=users, to=to, least_requests=least_requests)
    for name in report.FILES:
        (out / name).unlink(missing_ok=True)
    try:
        stack = Stack(ROOT, run_directory(ROOT) / "demo", port_base())
        stack.down(purge=True)  # what an earlier, killed demo left; every demo starts from the seeds
        with View(console) as view:
            directory = stack.layout.logs / "traffic"
            outcome = Course(stack=stack, directory=directory, options=options, watching=view).run()
    except (ToolkitError, TrafficFailed) as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}")
        if as_json:
            _print({"passed": False, "reasons": [str(error)]})
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("Interrupted; nothing is left running.")
        if as_json:
            _print({"passed": False, "reasons": ["interrupted"]})
        raise typer.Exit(INTERRUPTED) from None
    written = report.write(outcome, out, report.environment(stack))
    console.print(f"\nledger {outcome.audit}", markup=False)
    for reason in outcome.reasons:
        console.print(reason, style="bold red", markup=False)
    if written["passed"]:
        console.print(
            f"[bold green]Passed:[/] 0 of {written['requests_in_all']:,} requests failed over "
            f"{len(outcome.steps)} steps, ledger clean."
        )
        stack.down(purge=True)
    console.print(f"Report: {out / 'demo.html'}")
    if as_json:
        _print(written)
    raise typer.Exit(0 if written["passed"] else 1)


def _print(written: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(written, indent=2) + "\n")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(main)
