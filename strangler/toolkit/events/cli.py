"""`strangler events`: the events that a host could not work on."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from strangler.chassis.events.broker import Channel
from strangler.toolkit.broker import asking
from strangler.toolkit.errors import NotThere
from strangler.toolkit.events.letters import Letter, check_takes, opened, send_again
from strangler.toolkit.options import BrokerOption

app = typer.Typer(help="Events that a host could not work on.", no_args_is_help=True)

Host = Annotated[str, typer.Argument(help="The host that took them.")]
Only = Annotated[str, typer.Option("--id", help="Only the event with this id.")]


@app.command("dead")
def dead(
    host: Host,
    broker: BrokerOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Show the dead letters and why they are: nothing changes."""
    console = Console(soft_wrap=True, highlight=False)
    with asking(broker), opened(broker, host) as letters:
        found = [letter for letter, _ in letters]
    if as_json:
        sys.stdout.write(json.dumps([_shown(letter) for letter in found], indent=2) + "\n")
        return
    for letter in found:
        name = " ".join(filter(None, [letter.type or "no event", letter.aggregate, letter.id]))
        console.print(f"[bold]{escape(name)}[/]  [red]{escape(letter.reason)}[/]")
        console.print(f"  {escape(letter.shown)}")
    console.print(f"{len(found)} dead letter{'' if len(found) == 1 else 's'}.")


@app.command("replay")
def replay(
    host: Host,
    broker: BrokerOption = "",
    only: Only = "",
    to: Annotated[str, typer.Option(help="Another host, to which what handles them has moved.")] = "",
) -> None:
    """Give each dead letter to its host again, as if for the first time; what fails again comes back."""
    console, count, taker = Console(soft_wrap=True, highlight=False), 0, to or host
    with asking(broker), _sending(broker) as channel, opened(broker, host) as letters:
        check_takes(channel, taker)
        for letter, message in letters:
            if only in ("", letter.id):
                send_again(channel, taker, letter)
                message.ack()
                count += 1
    _found(count, only, host)
    console.print(f"{count} sent again. `./run strangler events dead {taker}` shows what comes back.")


@app.command("forget")
def forget(
    host: Host,
    broker: BrokerOption = "",
    only: Only = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop the dead letters for good."""
    console, count = Console(soft_wrap=True, highlight=False), 0
    if not yes:
        what = f"the dead letter {only}" if only else "every dead letter"
        typer.confirm(f"Forget {what} of {host}?", abort=True)
    with asking(broker), opened(broker, host) as letters:
        for letter, message in letters:
            if only in ("", letter.id):
                message.ack()
                count += 1
    _found(count, only, host)
    console.print(f"{count} forgotten.")


def _found(count: int, only: str, host: str) -> None:
    if only and not count:
        raise NotThere(
            f"{host} has no dead letter {only}. `./run strangler events dead {host}` shows which it has."
        )


def _shown(letter: Letter) -> dict[str, str]:
    return {
        "id": letter.id,
        "type": letter.type,
        "source": letter.source,
        "aggregate": letter.aggregate,
        "reason": letter.reason,
        "body": letter.shown,
    }


@contextmanager
def _sending(broker: str) -> Iterator[Channel]:
    channel = Channel(broker)
    try:
        yield channel
    finally:
        channel.close()
