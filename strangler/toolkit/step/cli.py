"""`strangler migrate | rollback | status | verify | contract`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import psycopg
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from strangler.toolkit.options import PlanOption
from strangler.toolkit.plan.file import DEFAULT, load
from strangler.toolkit.step import canary, course, hosts, lock, overview, places, way_back
from strangler.toolkit.step import state as states
from strangler.toolkit.step.contract import has_ended_way_back
from strangler.toolkit.step.errors import NothingToDo, StepError
from strangler.toolkit.step.screen import Screen
from strangler.toolkit.step.state import State
from strangler.toolkit.step.step import Options, Step, begin

TERMINATED = 143

PostgresOption = Annotated[
    str, typer.Option(envvar="POSTGRES_URL", help="A superuser's URL; the running stack's if not given.")
]
ConsulOption = Annotated[
    str, typer.Option(envvar="CONSUL_URL", help="Consul; the running stack's if not given.")
]
BrokerOption = Annotated[
    str, typer.Option(envvar="BROKER_URL", help="RabbitMQ, to ask both hosts and delete queues.")
]
TraefikOption = Annotated[str, typer.Option(envvar="TRAEFIK_URL", help="Traefik's internal entry point.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
PatienceOption = Annotated[
    float, typer.Option(help="How long a follower may take to catch up, and an outbox to be sent.", min=0)
]
DomainOption = Annotated[str, typer.Option("--domain", help="Whose step; the one under way if not given.")]


def _phase(name: str) -> str:
    if name not in states.PHASES[:-1]:
        raise typer.BadParameter(
            f"there is no phase {name!r} before the contract: {', '.join(states.PHASES[:-1])}"
        )
    return name


def _shares(text: str) -> str:
    shares = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if shares != sorted(set(shares)) or not 1 <= shares[0] <= shares[-1] <= 100:
        raise typer.BadParameter(f"{text!r} is no list of rising percentages: 1,10,50,100")
    return text


def migrate(
    to: Annotated[int, typer.Option(help="The stage to move to.")],
    plan: PlanOption = DEFAULT,
    until: Annotated[
        str,
        typer.Option(help="Stop after this phase: expand, shadow, canary, cutover, soak.", callback=_phase),
    ] = "soak",
    connections: Annotated[int, typer.Option(help="Connections that copy at once.", min=1)] = 4,
    shadow: Annotated[float, typer.Option(help="Share of the queries compared, 0 to 1.", min=0, max=1)] = 1.0,
    shadow_seconds: Annotated[
        float, typer.Option(help="How long to wait for comparisons, at most.", min=0)
    ] = 60.0,
    comparisons: Annotated[int, typer.Option(help="How many comparisons make a verdict.", min=1)] = 100,
    windows: Annotated[
        str, typer.Option(help="Percent of the reads, one canary window each.", callback=_shares)
    ] = "1,10,50,100",
    window_seconds: Annotated[float, typer.Option(help="How long a canary window lasts.", min=1)] = 15.0,
    sample: Annotated[int, typer.Option(help="Answers of each host that make a verdict.", min=1)] = 100,
    accept_inconclusive: Annotated[
        bool, typer.Option("--accept-inconclusive", help="Go on where too little was seen.")
    ] = False,
    tries: Annotated[int, typer.Option(help="How often a cutover backs off before it gives up.", min=1)] = 10,
    patience: PatienceOption = 60.0,
    postgres_url: PostgresOption = "",
    consul_url: ConsulOption = "",
    broker_url: BrokerOption = "",
    traefik_url: TraefikOption = "",
    as_json: JsonOption = False,
) -> None:
    """Carry out the step to a stage, up to the point of no return; or go on where it was interrupted.

    Exit status: 0 done; 1 cannot go on; 2 there is no such stage; 3 a verdict was bad and the step went back
    by itself; 4 too little was seen for a verdict, and the step went back.
    """
    options = Options(
        connections=connections, shadow=shadow, shadow_seconds=shadow_seconds, comparisons=comparisons,
        windows=tuple(int(w) for w in windows.split(",")), window_seconds=window_seconds, sample=sample,
        accept_inconclusive=accept_inconclusive,
        tries=tries,
        patience=patience,
    )  # fmt: skip
    with _errors():
        steps = _Steps(plan, postgres_url, consul_url, broker_url, traefik_url, Screen(quiet=as_json))
        done = []
        for step in steps.to(to):
            step.options = options
            with lock.held(step.store, step.domain, command="migrate") as held:
                step = steps.of(step.domain, step.state.stage, options, held)
                if step.state.phase == "contract":
                    _check_moved_for_good(step)
                    continue
                if until not in ("expand", "shadow") and not step.state.reached("canary"):
                    canary.check_gateway(step)
                if not step.state.phase:
                    hosts.prepare(step)
                course.forward(step, until=cast(states.Phase, until))
            step.screen.note(_next(step))
            done.append(step)
        _tell(as_json, done, nothing=f"Stage {to} is reached already.")


def rollback(
    plan: PlanOption = DEFAULT,
    domain: DomainOption = "",
    abort: Annotated[bool, typer.Option("--abort", help="Back to where nothing had begun.")] = False,
    restarted: Annotated[
        bool, typer.Option("--restarted", help="A contract had begun, but the old host runs with the domain.")
    ] = False,
    accept_differing: Annotated[
        bool, typer.Option("--accept-differing", help="Though rows differ: the old host's count then.")
    ] = False,
    patience: PatienceOption = 60.0,
    postgres_url: PostgresOption = "",
    consul_url: ConsulOption = "",
    broker_url: BrokerOption = "",
    traefik_url: TraefikOption = "",
    as_json: JsonOption = False,
) -> None:
    """Undo the last phase of the step under way; after a cutover, by the same fence the other way round."""
    options = Options(patience=patience, restarted=restarted, accept_differing=accept_differing)
    with _errors():
        steps = _Steps(plan, postgres_url, consul_url, broker_url, traefik_url, Screen(quiet=as_json))
        step = steps.under_way(domain)
        with lock.held(step.store, step.domain, command="rollback") as held:
            step = steps.of(step.domain, step.state.stage, options, held)
            if abort:
                course.abort(step)
            else:
                course.back(step)
        stands = step.state.phase or "the beginning"
        step.screen.note(f"{step.owner()} owns {step.domain}; the step stands at {stands}.")
        _tell(as_json, [step])


def contract(
    plan: PlanOption = DEFAULT,
    domain: DomainOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    restarted: Annotated[
        bool, typer.Option("--restarted", help="The old host runs without the domain already.")
    ] = False,
    without_way_back: Annotated[
        bool,
        typer.Option("--without-way-back", help="Though the old host can never follow or be compared."),
    ] = False,
    postgres_url: PostgresOption = "",
    consul_url: ConsulOption = "",
    broker_url: BrokerOption = "",
    traefik_url: TraefikOption = "",
    as_json: JsonOption = False,
) -> None:
    """The point of no return: the old host gives the domain up, its code, its tables, the way back."""
    options = Options(restarted=restarted, without_way_back=without_way_back)
    with _errors():
        steps = _Steps(plan, postgres_url, consul_url, broker_url, traefik_url, Screen(quiet=as_json))
        step = steps.under_way(domain)
        step.options = options
        _check_soaked(step)
        _ask(step, yes)
        with lock.held(step.store, step.domain, command="contract") as held:
            step = steps.of(step.domain, step.state.stage, options, held)
            _check_soaked(step)  # again: it may have been taken back while nobody answered
            course.forward(step, until="contract")
        step.screen.note(f"{step.state.target} owns {step.domain} for good.")
        _tell(as_json, [step])


def status(
    plan: PlanOption = DEFAULT,
    postgres_url: PostgresOption = "",
    consul_url: ConsulOption = "",
    broker_url: BrokerOption = "",
    traefik_url: TraefikOption = "",
    as_json: JsonOption = False,
) -> None:
    """Who owns what, and where each step stands: phase, lag, weights, mismatches."""
    with _errors():
        steps = _Steps(plan, postgres_url, consul_url, broker_url, traefik_url, Screen(quiet=as_json))
        shown = [overview.overview(step) for step in steps.known()]
        owners = {d: steps.plan.host_of(d, stage=steps.stage) for d in steps.plan.domains}
        owners |= {d: told.owner for d in owners if (told := states.told(steps.store, d))}
        owners |= {one["domain"]: one["owner"] for one in shown}
        if as_json:
            sys.stdout.write(json.dumps({"owners": owners, "steps": shown}, indent=2, default=str) + "\n")
        else:
            _draw(owners, shown)


def verify(
    plan: PlanOption = DEFAULT,
    domain: DomainOption = "",
    postgres_url: PostgresOption = "",
    consul_url: ConsulOption = "",
    broker_url: BrokerOption = "",
    traefik_url: TraefikOption = "",
    as_json: JsonOption = False,
) -> None:
    """Compare both sides of the step under way, row by row where they differ. Exit status 1 if they do."""
    with _errors():
        steps = _Steps(plan, postgres_url, consul_url, broker_url, traefik_url, Screen(quiet=as_json))
        step = steps.under_way(domain)
        problems = overview.verify(step)
    if as_json:
        sys.stdout.write(json.dumps({"domain": step.domain, "problems": problems}, indent=2) + "\n")
    else:
        console = Console(highlight=False, soft_wrap=True)
        for problem in problems:
            console.print(f"[red]{escape(problem)}[/]")
        if not problems:
            console.print(f"[green]{step.domain}: both sides agree[/], {step.owner()} owns it.")
    raise typer.Exit(1 if problems else 0)


class _Steps:
    """The steps of a plan."""

    def __init__(
        self, file: Path, postgres: str, consul: str, broker: str, traefik: str, screen: Screen
    ) -> None:
        self.plan = load(file)
        self.root = (file.parent / self.plan.root).resolve()
        self.places = places.find(plan=file, postgres=postgres, consul=consul, broker=broker, traefik=traefik)
        self.store, self.screen = self.places.store, screen

    def of(self, domain: str, stage: int, options: Options, held: lock.Lock | None = None) -> Step:
        """The domain's step as it stands now."""
        step = begin(self.plan, self.root, self.places, domain=domain, stage=stage, screen=self.screen)
        step.options, step.lock = options, held
        return step

    @property
    def stage(self) -> int:
        """The stage that runs, as far as is known."""
        running = self.places.stack.state if self.places.stack else None
        return running.stage if running else 0

    def to(self, stage: int) -> Iterator[Step]:
        """The steps on the way to a stage, each only when those before it are through."""
        self.plan.check_stage(stage)
        for each in self.plan.stages:
            if each.number > stage:
                continue
            for domain in each.moves:
                step = self.of(domain, each.number, Options())
                contracting = step.state.phase == "contract"
                # A stage runs already from the first effect of its contract on.
                over = step.state.done if contracting else each.number <= self.stage
                if over:
                    continue
                yield step
                if each.number < stage:
                    raise StepError(
                        f"Stage {each.number} comes first, and {domain} is not moved for good yet: "
                        "`./run strangler contract`, then this command again."
                    )

    def known(self) -> list[Step]:
        """Every step that has begun."""
        found: list[State] = sorted(states.load_all(self.store).values(), key=lambda s: s.stage)
        return [self.of(s.domain, s.stage, Options()) for s in found if s.domain in self.plan.domains]

    def under_way(self, domain: str) -> Step:
        """The step that is meant; raises NothingToDo if there is none, StepError if there are several."""
        open_ = [s for s in self.known() if not (s.state.phase == "contract" and s.state.done)]
        chosen = [s for s in open_ if not domain or s.domain == domain]
        if len(chosen) == 1:
            return chosen[0]
        if not chosen:
            past = [s.domain for s in self.known() if s not in open_ and domain in ("", s.domain)]
            ended = f": {' and '.join(past)} moved for good" if past else ""
            raise NothingToDo(f"No step {f'of {domain} ' if domain else ''}is under way{ended}.")
        raise StepError(
            f"Several steps are under way: name one by --domain {'|'.join(s.domain for s in chosen)}."
        )


def _check_soaked(step: Step) -> None:
    if not step.state.reached("soak") and not way_back.given_up(step):
        raise StepError(
            f"{step.domain} stands in {step.state.phase or 'the beginning'}. Carry the step on first: "
            f"`./run strangler migrate --to {step.state.stage}`."
        )


def _check_moved_for_good(step: Step) -> None:
    state = step.state
    if not state.done:
        back = f", `rollback` takes it back while {state.source} runs with {step.domain}"
        raise StepError(
            f"{step.domain} is not moved for good yet, its contract was interrupted at {state.effect}: "
            f"`./run strangler contract` ends it{'' if has_ended_way_back(step) else back}."
        )


def _ask(step: Step, yes: bool) -> None:
    text = (
        f"From here on {step.domain} cannot go back: {step.state.source} is restarted without it, and its "
        f"{len(step.pair.tables)} tables there are dropped."
    )
    step.screen.note(text)
    if not yes and not _confirmed():
        raise StepError("Nothing has changed. `--yes` goes on without asking.")


def _confirmed() -> bool:
    try:
        return typer.confirm("Go on?", err=True)
    except typer.Abort:  # nobody is there to ask
        typer.echo(err=True)
        return False


def _next(step: Step) -> str:
    if step.state.phase != "soak":
        return f"{step.domain} stands at {step.state.phase}."
    return (
        f"{step.state.target} owns {step.domain}; {step.state.source} follows. "
        "`./run strangler rollback` takes it back, `./run strangler contract` moves it for good."
    )


def _tell(as_json: bool, steps: list[Step], *, nothing: str = "") -> None:
    if as_json:
        shown = [overview.overview(step) for step in steps]
        sys.stdout.write(json.dumps({"steps": shown}, indent=2, default=str) + "\n")
    elif not steps and nothing:
        Console(stderr=True, highlight=False).print(nothing)


def _draw(owners: dict[str, str], steps: list[dict[str, Any]]) -> None:
    console = Console(highlight=False)
    table = Table("domain", "owner", box=None)
    for domain, owner in owners.items():
        table.add_row(domain, owner)
    console.print(table)
    for step in steps:
        console.print()
        for name, text in overview.lines(step).items():
            console.print(f"[bold]{name:>10}[/]  {escape(text)}", soft_wrap=True)


@contextmanager
def _errors() -> Iterator[None]:
    """What interrupts a command: it is to be run again."""
    try:
        yield
    except psycopg.IntegrityError as error:
        _fail(
            f"PostgreSQL: {str(error).strip()} One side does not take what the other has: bring both to the "
            "same rule and run the command again, or take back what was done by `./run strangler rollback`.",
            1,
        )
    except psycopg.Error as error:
        _fail(f"PostgreSQL: {str(error).strip()} Run the command again: it goes on where it stands.", 1)
    except KeyboardInterrupt:
        _fail("Interrupted. Run the command again: it goes on where it stands.", TERMINATED)


def _fail(message: str, exit_status: int) -> NoReturn:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold red]error:[/] {escape(message)}")
    raise typer.Exit(exit_status) from None
