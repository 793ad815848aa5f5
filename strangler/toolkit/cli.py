"""The `strangler` command: each verb's module adds itself here."""

import typer

from strangler.toolkit import provision
from strangler.toolkit.parity.cli import parity
from strangler.toolkit.plan import cli as plan
from strangler.toolkit.stack import cli as stack

app = typer.Typer(
    help="Move a Django monolith's domains into services, one at a time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(stack.app, name="stack")
app.add_typer(plan.app, name="plan")
app.command("provision")(provision.provision)
app.command("parity")(parity)
