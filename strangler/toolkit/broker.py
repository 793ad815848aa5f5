"""The message broker, as commands meet it: it may be away, or not let them in."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import amqp
import kombu

from strangler.toolkit.errors import ToolkitError


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
