"""`strangler rpc`: the calls that a service could not work on."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from strangler.chassis.rpc.connection import Connection, ConnectionLost, NoAnswer, NotConnected, NotRouted
from strangler.toolkit.broker import asking
from strangler.toolkit.options import BrokerOption
from strangler.toolkit.rpc.letters import opened, put_aside_again, send_again

app = typer.Typer(help="Remote calls that a service could not work on.", no_args_is_help=True)

Service = Annotated[str, typer.Argument(help="`<host>.<domain>`.")]
UNANSWERED = (ConnectionLost, NoAnswer, NotConnected, NotRouted)


@app.command("dead")
def dead(
    service: Service,
    broker: BrokerOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Show the dead letters and why they are: nothing changes."""
    console = Console(soft_wrap=True, highlight=False)
    with asking(broker), opened(broker, service) as letters:
        found = [letter for letter, _ in letters]
    if as_json:
        shown = [{"reason": letter.reason, "key": letter.key, "body": letter.shown} for letter in found]
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        return
    for letter in found:
        console.print(f"[bold]{escape(letter.key)}[/]  [red]{escape(letter.reason)}[/]")
        console.print(f"  {escape(letter.shown)}")
    console.print(f"{len(found)} dead letter{'' if len(found) == 1 else 's'}.")


@app.command("replay")
def replay(service: Service, broker: BrokerOption = "") -> None:
    """Send each dead letter again: those that go well are gone then. Exit status 1 if any stays."""
    console, failed = Console(soft_wrap=True, highlight=False), 0
    connection = Connection(broker)
    try:
        with asking(broker), opened(broker, service) as letters:
            for letter, message in letters:
                try:
                    error = send_again(connection, letter)
                except UNANSWERED as unanswered:
                    console.print(f"[red]{escape(letter.key)}[/]: {escape(str(unanswered))}; it stays")
                    failed += 1
                    continue
                if error is None or put_aside_again(error):
                    message.ack()
                if error is None:
                    console.print(f"[green]{escape(letter.key)}[/]: done")
                else:
                    console.print(f"[red]{escape(letter.key)}[/]: {escape(error.value)}; it stays")
                    failed += 1
    finally:
        connection.close()
    raise typer.Exit(1 if failed else 0)


@app.command("drop")
def drop(
    service: Service,
    broker: BrokerOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget the dead letters for good."""
    console = Console(soft_wrap=True, highlight=False)
    if not yes:
        typer.confirm(f"Forget every dead letter of {service}?", abort=True)
    with asking(broker), opened(broker, service) as letters:
        count = 0
        for _, message in letters:
            message.ack()
            count += 1
    console.print(f"{count} forgotten.")
