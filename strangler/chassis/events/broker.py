"""A connection to the broker that sends in batches and knows of each message that the broker has it."""

import contextlib
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import amqp
import kombu
from amqp.basic_message import Message

from strangler.chassis.rpc.connection import publish

CONNECT_SECONDS = 3.0
HEARTBEAT_SECONDS = 10
READ_SECONDS = 15.0
TICK_SECONDS = 1.0
CONFIRM_SECONDS = 10.0

BROKEN = (OSError, amqp.AMQPError)
"""What a connection raises that is not there any more. NotConfirmed is among them."""


class NotConfirmed(amqp.AMQPError):
    """The broker did not say within the time that it has a message, or said that it has not."""


class Outgoing(NamedTuple):
    """A message and where it goes; the empty exchange takes it to the queue that the key names."""

    exchange: str
    key: str
    message: Message


class Channel:
    """One connection with one channel, for one thread. Raises what is in BROKEN; then make a new one."""

    def __init__(self, url: str) -> None:
        described = kombu.Connection(
            url,
            heartbeat=HEARTBEAT_SECONDS,
            connect_timeout=CONNECT_SECONDS,
            transport_options={"read_timeout": READ_SECONDS, "write_timeout": READ_SECONDS},
        )
        self.connection = described.transport.establish_connection()
        try:
            self.amqp = self.connection.channel()
            self.amqp.events["basic_ack"].add(self._confirmed)
            self.amqp.events["basic_nack"].add(self._refused)
            self.amqp.confirm_select()
        except BaseException:
            self.connection.collect()
            raise
        self._sent = 0
        self._unconfirmed: set[int] = set()
        self._nacked = 0

    def send(self, batch: Sequence[Outgoing], *, seconds: float = CONFIRM_SECONDS) -> None:
        """Return once the broker has all of them; raises NotConfirmed, after which it may have some."""
        ends = time.monotonic() + seconds
        for exchange, key, message in batch:
            self._sent += 1
            self._unconfirmed.add(self._sent)
            publish(self.amqp, message, exchange=exchange, key=key)
        while self._unconfirmed:
            if not self.read(ends - time.monotonic()) and time.monotonic() >= ends:
                raise NotConfirmed(f"the broker did not confirm {len(self._unconfirmed)} messages")
        if self._nacked:
            refused, self._nacked = self._nacked, 0
            raise NotConfirmed(f"the broker refused {refused} messages")

    def read(self, seconds: float) -> bool:
        """Take the next frame that the broker sends, if it comes within the time."""
        self.connection.heartbeat_tick()
        # Waiting here and not in the library, which would lose its place in the middle of a frame.
        readable, _, _ = select.select([self.socket], [], [], max(0.0, min(seconds, TICK_SECONDS)))
        if readable:
            self.connection.blocking_read()
        return bool(readable)

    @property
    def socket(self) -> socket.socket:
        """What becomes readable when the broker sends."""
        found: socket.socket = self.connection.transport.sock
        return found

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(*BROKEN):
            self.connection.close()
        self.connection.collect()

    def _confirmed(self, tag: int, multiple: bool) -> None:
        self._unconfirmed -= {t for t in self._unconfirmed if t <= tag} if multiple else {tag}

    def _refused(self, tag: int, multiple: bool) -> None:
        before = len(self._unconfirmed)
        self._confirmed(tag, multiple)
        self._nacked += before - len(self._unconfirmed)


def connected(url: str, prepare: Callable[[Any], None]) -> Channel:
    """A channel on which `prepare` has declared what it needs."""
    channel = Channel(url)
    try:
        prepare(channel.amqp)
    except BaseException:
        channel.close()
        raise
    return channel
