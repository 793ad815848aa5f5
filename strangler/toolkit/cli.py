"""The `strangler` command: each verb's module adds itself here."""

from typing import Any

import psycopg
import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from strangler.chassis.errors import ChassisError
from strangler.toolkit import provision
from strangler.toolkit.config import cli as config
from strangler.toolkit.contracts import cli as contracts
from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.events import cli as events
from strangler.toolkit.gateway import cli as gateway
from strangler.toolkit.parity.cli import parity
from strangler.toolkit.plan import cli as plan
from strangler.toolkit.rpc import cli as rpc
from strangler.toolkit.stack import cli as stack
from strangler.toolkit.step import cli as step
from strangler.toolkit.tags import cli as tags
from strangler.toolkit.traces import cli as traces


class Plain(TyperGroup):
    """Says what is expected to go wrong in one message, on the error stream, and with an exit status."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ToolkitError as error:
            message, status = str(error), error.status
        except ChassisError as error:
            message, status = str(error), 1
        except psycopg.Error as error:
            message, status = f"PostgreSQL: {str(error).strip()}", 1
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]error:[/] {escape(message)}")
        raise typer.Exit(status)


app = typer.Typer(
    cls=Plain,
    help="Move a Django monolith's domains into services, one at a time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(stack.app, name="stack")
app.add_typer(plan.app, name="plan")
app.add_typer(config.app, name="config")
app.add_typer(contracts.app, name="contracts")
app.add_typer(gateway.app, name="gateway")
app.add_typer(rpc.app, name="rpc")
app.add_typer(events.app, name="events")
app.add_typer(traces.app, name="traces")
app.command("tags")(tags.tags)
app.command("provision")(provision.provision)
app.command("parity")(parity)
for verb in (step.migrate, step.rollback, step.status, step.verify, step.contract):
    app.command(verb.__name__)(verb)
