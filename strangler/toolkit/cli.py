"""The `strangler` command: each verb's module adds itself here."""

import typer

from strangler.toolkit import provision
from strangler.toolkit.config import cli as config
from strangler.toolkit.contracts import cli as contracts
from strangler.toolkit.events import cli as events
from strangler.toolkit.gateway import cli as gateway
from strangler.toolkit.parity.cli import parity
from strangler.toolkit.plan import cli as plan
from strangler.toolkit.rpc import cli as rpc
from strangler.toolkit.stack import cli as stack
from strangler.toolkit.step import cli as step
from strangler.toolkit.tags import cli as tags
from strangler.toolkit.traces import cli as traces

app = typer.Typer(
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
