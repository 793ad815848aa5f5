"""`strangler config get | set | history | rollback`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from strangler.chassis.config import ENCRYPTED, FROM_ENVIRONMENT, ConfigError, settings_class
from strangler.toolkit.config.history import Configuration, Revision
from strangler.toolkit.consul import KeyValues
from strangler.toolkit.gateway.apply import retune
from strangler.toolkit.options import ConsulOption, PlanOption, stack_of_plan
from strangler.toolkit.plan.file import DEFAULT, load

app = typer.Typer(help="Settings in Consul, valid at once in running processes.", no_args_is_help=True)
console = Console(highlight=False)
MASK = "********"


def known(context: typer.Context, service: str) -> str:
    """A service that reads its settings; a mistyped one would be told them in vain."""
    plan: Path = context.params["plan"]
    names = [*load(plan).hosts, "gateway"]
    if service not in names:
        raise typer.BadParameter(f"there is no {service!r} in {plan}. There are: {', '.join(names)}.")
    return service


Service = Annotated[str, typer.Argument(help="A host of the plan, or `gateway`.", callback=known)]
KeyOption = Annotated[
    str, typer.Option(envvar="CONFIG_KEY", help="Encrypts secrets; that of `./run up` if not given.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


def shown(value: str | None) -> str:
    """A value as it may be seen on a screen."""
    if value is None:
        return "(not set)"
    return MASK if value.startswith(ENCRYPTED) else value


@app.command()
def get(
    service: Service,
    name: Annotated[str | None, typer.Argument(help="One setting; all if not given.")] = None,
    plan: PlanOption = DEFAULT,
    consul_url: ConsulOption = "",
    as_json: JsonOption = False,
) -> None:
    """What is set in Consul, and the defaults of the rest, which the environment of the host's processes may
    say otherwise. Secrets are not shown."""
    stored = {
        key: shown(value) for key, value in Configuration(KeyValues(consul_url), service).values().items()
    }
    fields = settings_class(service).model_fields
    settable = sorted(fields.keys() - FROM_ENVIRONMENT)
    if name is not None and name not in settable:
        raise ConfigError(f"{service} has no setting {name!r} in Consul. It has: {', '.join(settable)}.")
    chosen = [name] if name else settable
    values = {field: stored.get(field, str(fields[field].default)) for field in chosen}
    if as_json:
        sys.stdout.write(json.dumps(values, indent=2) + "\n")
        return
    table = Table("setting", "value", "from")
    for field, value in values.items():
        table.add_row(field, value, "Consul" if field in stored else "default, or the environment's")
    console.print(table)


@app.command("set")
def set_command(
    service: Service,
    name: Annotated[str, typer.Argument(help="The setting.")],
    value: Annotated[str, typer.Argument(help="Its new value.")],
    plan: PlanOption = DEFAULT,
    consul_url: ConsulOption = "",
    config_key: KeyOption = "",
) -> None:
    """Set a value; running processes take it over within a second."""
    store = KeyValues(consul_url)
    revision = Configuration(store, service, config_key or _key_of_the_stack(plan)).set(name, value)
    _report(store, service, [revision])


@app.command()
def history(
    service: Service,
    plan: PlanOption = DEFAULT,
    consul_url: ConsulOption = "",
    as_json: JsonOption = False,
) -> None:
    """Every change: who, when, from what to what."""
    revisions = Configuration(KeyValues(consul_url), service).history()
    if as_json:
        rows = [
            msgspec.to_builtins(r) | {"old": r.old and shown(r.old), "new": r.new and shown(r.new)}
            for r in revisions
        ]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    table = Table("", "when (UTC)", "who", "setting", "from", "to")
    for column in table.columns:
        column.overflow = "fold"
    for r in revisions:
        table.add_row(str(r.number), r.at[:19].replace("T", " "), r.who, r.name, shown(r.old), shown(r.new))
    console.print(table)


@app.command()
def rollback(
    service: Service,
    to: Annotated[
        int | None, typer.Option(help="The revision to return to; the one before the last.")
    ] = None,
    plan: PlanOption = DEFAULT,
    consul_url: ConsulOption = "",
) -> None:
    """Undo the last change, or every change after a revision."""
    store = KeyValues(consul_url)
    _report(store, service, Configuration(store, service).rollback(to))


def _report(store: KeyValues, service: str, revisions: list[Revision]) -> None:
    for r in revisions:
        console.print(f"{service}.{r.name}: {shown(r.old)} → {shown(r.new)} (revision {r.number})")
    if service == "gateway":
        retune(store)  # Traefik reads its middlewares from Consul, not its settings


def _key_of_the_stack(plan: Path) -> str:
    stack = stack_of_plan(plan)
    return stack.variables(0).get("CONFIG_KEY", "") if stack else ""
