"""Options that several commands share. What is not given is in the environment, or the running stack's."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from strangler.toolkit.stack.running import port_base, running_stack

CALLER = Path(os.environ.pop("CALLER_DIRECTORY", ""))
"""Where `./run` was typed, which goes to the checkout."""


def of_caller(context: typer.Context, parameter: typer.CallbackParam, path: Path) -> Path:
    """An option's callback: a path that is given is the caller's, a default one is the checkout's."""
    source = context.get_parameter_source(parameter.name or "")
    return CALLER / path if source and source.name == "COMMANDLINE" else path


def of_stack(service: str, name: str, *, offset: int | None = None, path: str = "") -> Callable[[str], str]:
    """An option's callback: what was given, else this variable of the running stack's service, else where
    `./run up` would have it, so far from PORT_BASE. Without an offset it must be known."""

    def find(given: str) -> str:
        stack = None if given else running_stack(Path.cwd())
        found = given or (stack.environment(service).get(name, "") if stack else "")
        if not found and offset is None:
            raise typer.BadParameter(f"set {name}, or start a stage here: `./run up --stage 1`.")
        return found or f"http://127.0.0.1:{port_base() + (offset or 0)}{path}"

    return find


PlanOption = Annotated[Path, typer.Option("--plan", help="The plan file.", callback=of_caller)]
ConsulOption = Annotated[
    str,
    typer.Option(
        envvar="CONSUL_URL",
        help="Consul; the running stack's if not given.",
        callback=of_stack("gateway-config", "CONSUL_URL", offset=50),
    ),
]
BrokerOption = Annotated[
    str,
    typer.Option(
        "--broker",
        envvar="BROKER_URL",
        help="The message broker; the running stack's if not given.",
        callback=of_stack("worker", "BROKER_URL"),
    ),
]
