"""A host's dead letters, as the broker keeps them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kombu
import msgspec
from amqp.basic_message import Message
from amqp.exceptions import NotFound

from strangler.chassis.events import envelope, topology
from strangler.chassis.events.broker import Channel, Outgoing
from strangler.toolkit.broker import body_of, waiting
from strangler.toolkit.errors import ToolkitError

# Headers of the letter and of the broker, not of the event.
BROKERS = "x-"


class NoSuchHost(ToolkitError):
    """The broker has no queues for a host of this name."""

    status = 2


class Letter(msgspec.Struct, kw_only=True):
    """An event that was put aside, and why."""

    id: str
    type: str
    source: str
    aggregate: str
    reason: str
    headers: dict[str, Any]
    content_type: str
    body: bytes

    @property
    def shown(self) -> str:
        """The body as far as it can be read."""
        return self.body.decode(errors="backslashreplace")


@contextmanager
def opened(broker: str, host: str) -> Iterator[Iterator[tuple[Letter, kombu.Message]]]:
    """The host's letters one by one; those not acknowledged stay. Raises NoSuchHost."""
    missing = NoSuchHost(f"{host} has no dead letters: the broker has no queue of them.")
    with waiting(broker, topology.dead(host), missing=missing) as messages:
        yield ((_letter(message), message) for message in messages)


def check_takes(channel: Channel, host: str) -> None:
    """Raise NoSuchHost unless the host has a queue: the broker drops what goes to none, without a word."""
    try:
        channel.amqp.queue_declare(topology.queue(host), passive=True)
    except NotFound:
        raise NoSuchHost(
            f"Nothing was sent: {host} takes no events, for the broker has no queue {topology.queue(host)}. "
            "`--to` gives the dead letters to another host, `forget` drops them."
        ) from None


def send_again(channel: Channel, host: str, letter: Letter) -> None:
    """Put it into the host's queue, once more; raises what Channel.send does."""
    headers = {name: value for name, value in letter.headers.items() if not name.startswith(BROKERS)}
    message = Message(
        letter.body,
        content_type=letter.content_type,
        delivery_mode=envelope.PERSISTENT,
        message_id=letter.id,
        application_headers={**headers, envelope.REPLAY: 1},
    )
    channel.send([Outgoing("", topology.queue(host), message)])


def _letter(message: kombu.Message) -> Letter:
    headers = dict(message.headers or {})
    source, event_type = envelope.source_and_type(headers)
    return Letter(
        id=str(headers.get(f"{envelope.PREFIX}id", "")),
        type=event_type,
        source=source,
        aggregate=str(headers.get(f"{envelope.PREFIX}partitionkey", "")),
        reason=str(headers.get(envelope.REASON) or _brokers_reason(headers)),
        headers=headers,
        content_type=str(message.content_type or ""),
        body=body_of(message),
    )


def _brokers_reason(headers: dict[str, Any]) -> str:
    """Why the broker put it aside by itself."""
    deaths = headers.get("x-death") or [{}]
    return f"the broker gave up on it: {deaths[0].get('reason', 'it does not say why')}"
