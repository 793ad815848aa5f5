"""The message broker, as commands meet it: it may be away, or not let them in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import amqp
import kombu
from amqp.exceptions import NotFound

from strangler.toolkit.errors import ToolkitError

GIVEN_BACK_SECONDS, POLL_SECONDS = 2.0, 0.02


class BrokerAway(ToolkitError):
    """The broker does not answer, or refuses."""

    status = 2


@contextmanager
def asking(url: str) -> Iterator[None]:
    """What goes wrong with the broker inside is raised as BrokerAway, without the password."""
    try:
        yield
    except (OSError, amqp.AMQPError, kombu.exceptions.KombuError) as error:
        place = urlsplit(url).netloc.rpartition("@")[2] or url
        raise BrokerAway(f"The message broker at {place} does not answer, or refuses: {error}") from error


@contextmanager
def waiting(url: str, queue: str, *, missing: ToolkitError) -> Iterator[Iterator[kombu.Message]]:
    """What the queue has now, one by one; messages not acknowledged stay, and are there again at the end, so
    that the next command finds them. Raises `missing` if there is no such queue."""
    with kombu.Connection(url, connect_timeout=5) as connection:
        channel: Any = connection.channel()
        try:
            count = channel.queue_declare(queue, passive=True).message_count
        except NotFound:
            raise missing from None
        taken: list[kombu.Message] = []
        yield _each(kombu.Queue(queue, channel=channel), count, taken)
        back = [message for message in taken if not message.acknowledged]
        for message in back:
            message.requeue()
        ends = time.monotonic() + GIVEN_BACK_SECONDS
        while channel.queue_declare(queue, passive=True).message_count < len(back):
            if time.monotonic() > ends:
                return  # somebody else takes them
            time.sleep(POLL_SECONDS)


def _each(queue: kombu.Queue, count: int, taken: list[kombu.Message]) -> Iterator[kombu.Message]:
    for _ in range(count):  # those that come meanwhile are not ours
        message = queue.get(no_ack=False)
        if message is None:
            return
        taken.append(message)
        yield message


def body_of(message: kombu.Message) -> bytes:
    """The body as it was sent."""
    body: Any = message.body
    return body.encode() if isinstance(body, str) else bytes(body)
