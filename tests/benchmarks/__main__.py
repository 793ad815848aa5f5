"""`./run bench`: see `--help`."""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from strangler.toolkit.plan import load
from strangler.toolkit.stack import Stack, StackError
from strangler.toolkit.stack.running import port_base, run_directory
from tests.benchmarks import copy, events, fence, footprint, gateway, rpc, shop, stages
from tests.benchmarks.rows import Row

ROOT = Path(__file__).resolve().parents[2]
STAGE = 1
PORTS = 200
"""Between two systems that run at once."""

# All load comes from one client, faster than the gateway lets any one client be.
UNLIMITED = {"GATEWAY_RATE_LIMIT_AVERAGE": "100000", "GATEWAY_RATE_LIMIT_BURST": "100000"}


def main(
    seconds: Annotated[float, typer.Option(help="How long each measurement of a round lasts.")] = 1.5,
    rounds: Annotated[int, typer.Option(help="How often both sides take turns.", min=1)] = 4,
    out: Annotated[Path, typer.Option(help="Where bench.json goes.")] = ROOT / "report",
    strict: Annotated[bool, typer.Option("--strict", help="Fail if a target is missed.")] = False,
) -> None:
    """Bring stage 1 up, measure it and what it is made of, print one table and write report/bench.json."""
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    stack = None
    try:
        run = run_directory(ROOT) / "bench"
        stack = Stack(ROOT, run, port_base(), UNLIMITED)
        beside = Stack(ROOT, run.with_name("bench-beside"), port_base() + PORTS, UNLIMITED)
        rows = measure(stack, beside, console, seconds=seconds, rounds=rounds)
    except StackError as error:
        console.print(f"[bold red]error:[/] {error}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        if stack is not None:
            stack.down(purge=True)
    console.print(table(rows))
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(document(rows)), indent=2) + b"\n"
    )
    missed = [row for row in rows if row.met is False]
    console.print(f"{len(missed)} targets missed. {out / 'bench.json'}")
    raise typer.Exit(1 if strict and missed else 0)


def measure(stack: Stack, beside: Stack, console: Console, *, seconds: float, rounds: int) -> list[Row]:
    """Everything, in an order in which nothing disturbs what comes after. `beside` is for a second system."""

    def say(text: str) -> None:
        console.print(f"[dim]{text}[/]")

    say(f"stage {STAGE} starts, twice")
    rows = footprint.start_up(stack, STAGE)
    direct = f"http://{stack.address('web', 8000)}"
    tokens = shop.log_in(direct)
    say("what the gateway adds")
    rows += gateway.added(stack, direct, tokens[0], seconds=seconds, rounds=rounds)
    say("list, detail and a bare view")
    rows += shop.reads(stack, direct, seconds=seconds, rounds=rounds)
    say("checkout")
    rows += shop.checkouts(stack, direct, shop.log_in(direct), rounds=rounds)
    rows += footprint.resident(stack, STAGE)
    say("the fence around a domain that moves")
    rows += fence.cost(stack, direct)
    stack.down(purge=True)
    if stages.LAST in {stage.number for stage in load(ROOT / "migrations-plan" / "plan.yaml").built}:
        say(f"a product at stage {stages.LAST} and at stage {stages.FIRST}")
        rows += stages.products(stack, beside, seconds=seconds, rounds=rounds)
    say("remote calls and bare Nameko")
    rows += rpc.on_a_broker_of_their_own(seconds=seconds, rounds=rounds)
    say("a million rows copied")
    rows += copy.on_a_server_of_its_own(rounds=rounds)
    say("events between two hosts")
    rows += events.between_two_hosts(seconds=seconds, rounds=rounds)
    return rows


def table(rows: list[Row]) -> Table:
    """The one table."""
    found = Table("what", "measured", "target", "met", "how", title="Benchmarks", title_justify="left")
    group = ""
    for row in rows:
        if row.group != group:
            found.add_section()
            found.add_row(f"[bold]{row.group}[/]", "", "", "", "")
            group = row.group
        met = {None: "", True: "[green]yes[/]", False: "[bold red]no[/]"}[row.met]
        found.add_row(row.what, f"{row.measured:g} {row.unit}", row.shown_target, met, f"[dim]{row.note}[/]")
    return found


def document(rows: list[Row]) -> dict[str, Any]:
    """bench.json."""
    return {
        "processors": os.cpu_count(),
        "missed": [row.what for row in rows if row.met is False],
        "rows": [{**msgspec.to_builtins(row), "met": row.met} for row in rows],
    }


def _interrupt(*_: object) -> None:
    sys.exit(130)


if __name__ == "__main__":
    typer.run(main)
