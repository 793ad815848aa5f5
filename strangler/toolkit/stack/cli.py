"""`strangler stack up | begin | cancel | down | status | logs`."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from strangler.toolkit.stack.compose import read_env
from strangler.toolkit.stack.errors import NoSuchLog, StackError
from strangler.toolkit.stack.moves import refuse_moves
from strangler.toolkit.stack.running import stack_of
from strangler.toolkit.stack.stack import Stack
from strangler.toolkit.stack.starting import Watcher

app = typer.Typer(help="Run the topology of docker-compose.yml natively.", no_args_is_help=True)
console = Console(highlight=False)
STYLES = {"ready": "green", "done": "green", "starting": "yellow", "draining": "magenta", "stopped": "dim"}

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


def here() -> Stack:
    """This checkout's stack."""
    return stack_of(Path.cwd())


@app.command()
def up(
    stage: Annotated[
        int | None, typer.Option(help="Which stage; STAGE in .env if not given.", envvar="STAGE", min=0)
    ] = None,
) -> None:
    """Bring a stage up, or move what runs to that stage without dropping a request."""
    stack = stack_of(Path.cwd(), anew=True)
    if stage is None:
        stage = _usual_stage()
    started = time.monotonic()
    refuse_moves(stack, stage)
    with Display() as display:
        stack.up(stage, display.watch)
    console.print(f"[bold]Stage {stage} is ready[/] after {time.monotonic() - started:.1f} s.\n")
    _print_addresses(stack, stage)


@app.command()
def begin(
    stage: Annotated[int, typer.Option(help="The later stage.", min=1)],
) -> None:
    """Start what a later stage adds beside what runs, for a step to it."""
    with Display() as display:
        here().begin(stage, display.watch)
    console.print(f"What stage {stage} adds runs beside the rest.")


@app.command()
def cancel(
    stage: Annotated[int, typer.Option(help="The later stage.", min=1)],
) -> None:
    """Stop what `begin` started."""
    with Display() as display:
        here().cancel(stage, display.watch)
    console.print(f"Nothing of stage {stage} runs beside the rest.")


@app.command()
def down(
    purge: Annotated[bool, typer.Option("--purge", help="Forget all data, and stop at once.")] = False,
) -> None:
    """Stop everything that runs here, a demo's stack or a comparison's too."""
    stack = here()
    where = stack.layout.run
    running = {one.layout.run: names for one in [*stack.within(), stack] if (names := one.running())}
    left = stack.down(purge=purge)
    for place, names in running.items():
        console.print(f"Stopped {len(names)} services in {place}: {', '.join(names)}.", soft_wrap=True)
    if left:
        console.print(f"Ended {left} processes that an earlier run left behind in {where}.", soft_wrap=True)
    if not running and not left:
        console.print(f"Nothing was running in {where}.", soft_wrap=True)
    if purge:
        console.print("Its data is gone.")
        if where.exists():
            others = ", ".join(sorted(path.name for path in where.iterdir()))
            console.print(f"{where} stays, with what no stack made there: {others}.", soft_wrap=True)


@app.command()
def status(as_json: JsonOption = False) -> None:
    """What runs, and whether it is ready."""
    stack = here()
    try:
        found = stack.status()
    except StackError:
        if as_json:
            sys.stdout.write(json.dumps({"stage": None, "services": {}}) + "\n")
        raise
    stage = stack.state.stage if stack.state else None
    if as_json:
        sys.stdout.write(json.dumps({"stage": stage, "services": found}, indent=2) + "\n")
        return
    table = Table("service", "state", "ready", "pid", "up for", title=f"stage {stage}")
    for name, row in sorted(found.items()):
        ready = "[green]yes[/]" if row["ready"] else "[red]no[/]"
        table.add_row(name, row["state"], ready, str(row["pid"] or ""), f"{row['uptime_seconds']} s")
    console.print(table)


@app.command()
def logs(
    service: Annotated[str | None, typer.Argument(help="One service; all if not given.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
) -> None:
    """The last 50 lines of the services' logs."""
    directory = here().layout.logs
    files = sorted(directory.glob(f"{service or '*'}.log"))
    if not files:
        known = ", ".join(sorted(path.stem for path in directory.glob("*.log"))) or "none yet"
        raise NoSuchLog(f"no log of {service or 'anything'} in {directory}. There are: {known}.")
    command = ["tail", "-n", "50", *(["-F"] if follow else []), *map(str, files)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603


class Display:
    """A live table of the services' states; plain lines where the output is no terminal."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.started = time.monotonic()
        self.live = Live(console=console, refresh_per_second=8) if console.is_terminal else None

    def __enter__(self) -> "Display":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    @property
    def watch(self) -> Watcher:
        return self._watch

    def _watch(self, service: str, state: str) -> None:
        self.states[service] = state
        elapsed = time.monotonic() - self.started
        if not self.live:
            console.print(f"{elapsed:6.1f} s  {service:16} {state}")
            return
        table = Table.grid(padding=(0, 2))
        for name, current in self.states.items():
            table.add_row(name, f"[{STYLES.get(current, 'default')}]{current}[/]")
        table.add_row("", f"[dim]{elapsed:.1f} s[/]")
        self.live.update(table)


def _usual_stage() -> int:
    given = read_env(Path(".env")).get("STAGE", "0")
    if not given.isdecimal():
        raise StackError(f".env has STAGE={given}. It is to be a stage's number.")
    return int(given)


def _print_addresses(stack: Stack, stage: int) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_row("API", f"{stack.url}/api/products")
    table.add_row("API document", f"{stack.url}/api/schema/")
    table.add_row("admin", f"{stack.url}/admin/")
    table.add_row("mails", f"http://{stack.address('smtp', 8025)}/mails")
    if stage >= 1:
        table.add_row("traces", f"http://{stack.address('traces', 4318)}/")
        table.add_row("Consul", f"http://{stack.address('consul', 8500)}/ui/")
        table.add_row("Traefik", f"http://{stack.address('traefik', 8081)}/dashboard/")
    if stack.services(stage)["migrate"].environment.get("SEED") == "demo":
        for line in (stack.layout.root / "migrations-plan" / "logins.txt").read_text().splitlines():
            who, _, login = line.partition(": ")
            table.add_row(who, login)
    console.print(table)
