"""Options that several commands share. What is not given is in the environment, or the running stack's."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from strangler.toolkit.plan.file import DEFAULT, load
from strangler.toolkit.stack import Stack
from strangler.toolkit.stack.running import port_base, running_stack

CALLER = Path(os.environ.pop("CALLER_DIRECTORY", ""))
"""Where `./run` was typed, which goes to the checkout."""


def of_caller(context: typer.Context, parameter: typer.CallbackParam, path: Path) -> Path:
    """An option's callback: a path that is given is the caller's, a default one is the checkout's."""
    source = context.get_parameter_source(parameter.name or "")
    return CALLER / path if source and source.name == "COMMANDLINE" else path


PlanOption = Annotated[Path, typer.Option("--plan", help="The plan file.", callback=of_caller, is_eager=True)]


def stack_of_plan(file: Path) -> Stack | None:
    """The stack that runs what the plan moves. A checkout's stack is that of the plan in the usual place:
    another plan is another project's, even in the same folder."""
    root = (file.parent / load(file).root).resolve() if file.exists() else Path.cwd()
    return running_stack(root) if file.resolve() == (root / DEFAULT).resolve() else None


def of_stack(
    service: str, name: str, *, offset: int | None = None, path: str = ""
) -> Callable[[typer.Context, str], str]:
    """An option's callback: what was given, else this variable of the running stack's service, else where
    `./run up` would have it, so far from PORT_BASE. Without an offset it must be known, and for another
    project's plan."""

    def find(context: typer.Context, given: str) -> str:
        plan: Path = context.params.get("plan", DEFAULT)
        stack = None if given else stack_of_plan(plan)
        found = given or (stack.environment(service).get(name, "") if stack else "")
        if found:
            return found
        if plan.resolve() != DEFAULT.resolve():
            raise typer.BadParameter(f"set {name}: no stack that is known runs what {plan} moves.")
        if offset is None:
            raise typer.BadParameter(f"set {name}, or start a stage here: `./run up --stage 1`.")
        return f"http://127.0.0.1:{port_base() + offset}{path}"

    return find


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
        "--broker-url",
        envvar="BROKER_URL",
        help="The message broker; the running stack's if not given.",
        callback=of_stack("worker", "BROKER_URL"),
    ),
]
