"""A service's dead letters, as the broker keeps them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kombu
import msgspec

from strangler.chassis.rpc.connection import Connection, dead_letters
from strangler.chassis.rpc.envelope import BURIED, RemoteError, error_of
from strangler.toolkit.broker import body_of, waiting
from strangler.toolkit.errors import ToolkitError

ANSWER_SECONDS = 30.0
OURS = ("x-reason", "x-routing-key", "x-content-type", "x-compression", "x-attempts", "deadline", "timeout")


class NoSuchService(ToolkitError):
    """The broker has no dead-letter queue for a service of this name."""

    status = 2


class Letter(msgspec.Struct, kw_only=True):
    """A message that was put aside: why, what it asked for, and its body."""

    reason: str
    key: str
    headers: dict[str, Any]
    body: bytes

    @property
    def shown(self) -> str:
        """The body as far as it can be read."""
        return self.body.decode(errors="backslashreplace")


@contextmanager
def opened(broker: str, service: str) -> Iterator[Iterator[tuple[Letter, kombu.Message]]]:
    """The letters of `<host>.<domain>` one by one; those not acknowledged stay. Raises NoSuchService."""
    missing = NoSuchService(
        f"{service} has no dead letters: it never ran here. Services are named `<host>.<domain>`."
    )
    with waiting(broker, dead_letters(service), missing=missing) as messages:
        yield ((_letter(message), message) for message in messages)


def send_again(connection: Connection, letter: Letter) -> RemoteError | None:
    """Ask once more, and return the error of the answer if it has one.

    Raises what `Connection.request` raises when there is no answer.
    """
    headers = {name: value for name, value in letter.headers.items() if name not in OURS}
    if compression := letter.headers.get("x-compression"):
        headers["compression"] = compression
    answer = connection.request(letter.key, letter.body, headers, seconds=ANSWER_SECONDS)
    return error_of(answer)


def put_aside_again(error: RemoteError | None) -> bool:
    """Whether the service made a new letter of it, so that the old one is not needed."""
    return error is not None and error.kind == BURIED


def _letter(message: kombu.Message) -> Letter:
    headers = dict(message.headers or {})
    return Letter(
        reason=str(headers.get("x-reason", "")),
        key=str(headers.get("x-routing-key", "")),
        headers=headers,
        body=body_of(message),
    )
