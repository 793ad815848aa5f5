"""`strangler gateway apply | show`."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from strangler.toolkit.consul import KeyValues
from strangler.toolkit.gateway import splits
from strangler.toolkit.gateway.apply import ROOT, apply, begin, desired, settings_of
from strangler.toolkit.gateway.running import refuse_without
from strangler.toolkit.options import ConsulOption, PlanOption, of_stack
from strangler.toolkit.plan.file import DEFAULT, load

app = typer.Typer(help="The gateway's routes and middlewares in Consul.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)

AuthOption = Annotated[
    str,
    typer.Option(
        envvar="FORWARD_AUTH_URL",
        help="Who is asked who a request is from; the running stack's if not given.",
        callback=of_stack("gateway-config", "FORWARD_AUTH_URL", offset=81, path="/internal/auth"),
    ),
]
PagesOption = Annotated[
    str,
    typer.Option(
        envvar="PAGES_URL",
        help="Who answers for a service that does not; the running stack's if not given.",
        callback=of_stack("gateway-config", "PAGES_URL", offset=46),
    ),
]


@app.command("apply")
def apply_command(
    stage: Annotated[int, typer.Option(envvar="STAGE", help="Whose routes to write.")],
    consul_url: ConsulOption = "",
    auth_url: AuthOption = "",
    pages_url: PagesOption = "",
    plan: PlanOption = DEFAULT,
) -> None:
    """Write the stage's routes; what they need first, then all routers in one transaction. Refused where a
    host runs without a domain that the stage has there."""
    planned, store = load(plan), KeyValues(consul_url)
    planned.check_stage(stage)
    held = splits.stored(store)
    refuse_without(store, planned, stage=stage, splits=held)
    begin(store)
    settings = settings_of(store)
    wanted = desired(planned, settings, stage=stage, auth_url=auth_url, pages_url=pages_url, splits=held)
    changed = apply(store, wanted)
    console.print(f"The gateway's configuration for stage {stage}: {len(wanted)} keys, {changed} changed.")


@app.command()
def show(
    consul_url: ConsulOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Every key, for a script.")] = False,
) -> None:
    """The routers of each entry point, in the order in which they are tried: `web` is the public one."""
    keys = KeyValues(consul_url).folder(f"{ROOT}/")
    if as_json:
        sys.stdout.write(json.dumps(keys, indent=2) + "\n")
        return
    routers: dict[str, dict[str, str]] = {}
    for key, value in keys.items():
        part, name, option = key.removeprefix(f"{ROOT}/").split("/", 2)
        if part == "routers":
            routers.setdefault(name, {})[option] = value
    for name, router in sorted(routers.items(), key=lambda item: _tried(item[1])):
        place = f"{router['entryPoints']}, priority {router['priority']}"
        console.print(f"[bold]{name}[/] → {router['service']}  [dim]{place}[/]")
        console.print(f"    {escape(router['rule'])}")
        if through := router.get("middlewares"):
            console.print(f"    [dim]through {through.replace(',', ', ')}[/]")


def _tried(router: dict[str, str]) -> tuple[bool, int]:
    return router["entryPoints"] != "web", -int(router["priority"])
