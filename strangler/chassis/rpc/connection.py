"""A process's connection to the broker for its calls: one socket, any number of callers.

Callers publish from their own threads and wait, each for its answer, by the clock. One thread reads: it hands
answers to who waits, drops those that come too late, beats, and connects again when the broker comes back.
Answers come by RabbitMQ's direct reply-to (see "Direct Reply-to" in its documentation), which needs no
queue. Publisher confirms are read along the way rather than waited for: they tell a message that no host
takes from one that waits for its turn, and a connection that is dead from one that is slow.
"""

import logging
import os
import queue
import selectors
import socket
import threading
import time
import uuid
from contextlib import suppress
from typing import Any

import amqp
import kombu
from amqp import spec
from amqp.basic_message import Message

log = logging.getLogger(__name__)

EXCHANGE = "nameko-rpc"
REPLY_TO = "amq.rabbitmq.reply-to"
HEARTBEAT_SECONDS = 6
CONNECT_SECONDS = 2.0
CONFIRM_SECONDS = 1.0
WRITE_SECONDS = 2.0
READ_SECONDS = 10.0
TICK_SECONDS = 1.0
BACKOFF_SECONDS = (0.05, 1.0)
TRANSIENT = 1


def calls(service: str) -> str:
    """The queue of the calls of a service, `<host>.<domain>`: Nameko's name for it."""
    return f"rpc-{service}"


def dead_letters(service: str) -> str:
    """The queue of the messages that a service could not work on."""
    return f"{service}.rpc.dead"


def publish(
    channel: Any, message: Message, *, key: str, exchange: str = EXCHANGE, mandatory: bool = False
) -> None:
    """Send a message; a mandatory one comes back if no queue takes it.

    Not by basic_publish, which first reads from the socket, and that is another thread's (or greenlet's).
    """
    channel.send_method(spec.Basic.Publish, "Bssbb", (0, exchange, key, mandatory, False), message)


class NotConnected(Exception):
    """The broker cannot be reached, so the message was not sent."""


class ConnectionLost(Exception):
    """The connection broke after the message was sent, or the broker did not confirm it."""


class NotRouted(Exception):
    """The broker has no queue for the message."""


class NoAnswer(Exception):
    """The time was over before an answer came."""


class Pending:
    """A call under way. `answer` gets the reply's body, or the exception that ended the wait."""

    __slots__ = ("answer", "confirmed")

    def __init__(self) -> None:
        self.answer: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
        self.confirmed = False


class Connection:
    """`request()` is for any thread; the connection is made at the first and kept until `close()`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.late = 0
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._write = threading.Lock()
        self._up = threading.Event()
        self._stop = threading.Event()
        self._channel: Any = None
        self._waiting: dict[str, Pending] = {}
        self._unconfirmed: dict[int, Pending] = {}
        self._sent = 0
        self._thread: threading.Thread | None = None

    def request(
        self, key: str, body: bytes, headers: dict[str, Any], *, seconds: float, connect: float = 1.0
    ) -> bytes:
        """Send the message and return its answer's body.

        Waits at most `seconds`, of which at most `connect` for a connection. Raises NotConnected,
        ConnectionLost, NotRouted, NoAnswer.
        """
        ends = time.monotonic() + seconds
        if self._pid != os.getpid():
            self._reset()  # a forked child has a connection of its own
        self._start()
        if not self._up.wait(min(seconds, connect)):
            raise NotConnected(f"the message broker does not answer within {min(seconds, connect):.1f} s")
        number, pending = uuid.uuid4().hex, Pending()
        message = Message(
            body,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=TRANSIENT,
            correlation_id=number,
            reply_to=REPLY_TO,
            expiration=str(max(1, int(seconds * 1000))),
            application_headers=headers,
        )
        try:
            channel = self._publish(key, message, number, pending, ends)
            return self._answer(pending, channel, ends)
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Hang up; who still waits is told."""
        self._stop.set()
        self._hang_up(self._channel)
        if self._thread is not None:
            self._thread.join(timeout=CONNECT_SECONDS)

    # -- the callers' side

    def _start(self) -> None:
        if self._thread is None:
            with self._write:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="rpc", daemon=True)
                    self._thread.start()

    def _publish(self, key: str, message: Message, number: str, pending: Pending, ends: float) -> Any:
        if not self._write.acquire(timeout=max(0.0, ends - time.monotonic())):
            raise NotConnected("the message broker takes nothing")
        try:
            channel = self._channel
            if channel is None:
                raise NotConnected("the message broker went away")
            self._waiting[number] = pending
            self._sent += 1
            self._unconfirmed[self._sent] = pending
            try:
                publish(channel, message, key=key, mandatory=True)
            except (OSError, amqp.AMQPError) as error:
                self._hang_up(channel)
                raise ConnectionLost(f"the message could not be sent: {error}") from error
            return channel
        finally:
            self._write.release()

    def _answer(self, pending: Pending, channel: Any, ends: float) -> bytes:
        answer = self._next(pending, min(ends, time.monotonic() + CONFIRM_SECONDS))
        if answer is None and not pending.confirmed and time.monotonic() < ends:
            self._hang_up(channel)
            raise ConnectionLost(f"the message broker did not confirm the call within {CONFIRM_SECONDS:g} s")
        if answer is None:
            answer = self._next(pending, ends)
        if answer is None:
            raise NoAnswer("no answer in time")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _next(self, pending: Pending, ends: float) -> bytes | Exception | None:
        try:
            return pending.answer.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            return None

    # -- the reading thread's side

    def _run(self) -> None:
        backoff, failing = BACKOFF_SECONDS[0], False
        while not self._stop.is_set():
            try:
                channel = self._connect()
            except Exception as error:  # noqa: BLE001 - what answers there may be anything
                log.log(logging.DEBUG if failing else logging.WARNING, "no message broker: %s", error)
                failing = True
                self._stop.wait(backoff)
                backoff = min(backoff * 2, BACKOFF_SECONDS[1])
                continue
            backoff, failing = BACKOFF_SECONDS[0], False
            reason = "closed"
            try:
                self._read(channel)
            except Exception as error:  # noqa: BLE001 - whatever it was, callers wait for this thread to go on
                reason = str(error) or type(error).__name__
                if not self._stop.is_set():  # else we hung up
                    log.warning("the connection to the message broker broke: %s", reason)
            self._broken(channel, reason)

    def _connect(self) -> Any:
        url = kombu.Connection(
            self.url,
            heartbeat=HEARTBEAT_SECONDS,
            connect_timeout=CONNECT_SECONDS,
            transport_options={"read_timeout": READ_SECONDS, "write_timeout": WRITE_SECONDS},
        )
        connection = url.transport.establish_connection()
        try:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
            channel.basic_consume(REPLY_TO, no_ack=True, callback=self._arrived)
            channel.events["basic_ack"].add(self._confirmed)
            channel.events["basic_nack"].add(self._confirmed)
            channel.events["basic_return"].add(self._returned)
            channel.confirm_select()
        except BaseException:
            connection.collect()
            raise
        with self._write:
            self._channel, self._sent, self._unconfirmed = channel, 0, {}
        self._up.set()
        return channel

    def _read(self, channel: Any) -> None:
        """Frame by frame, and never waiting in the middle of one for longer than READ_SECONDS."""
        connection = channel.connection
        with selectors.DefaultSelector() as selector:
            selector.register(connection.transport.sock, selectors.EVENT_READ)
            while not self._stop.is_set():
                if selector.select(TICK_SECONDS):
                    connection.blocking_read()
                connection.heartbeat_tick()
                if not channel.is_open:
                    return

    def _broken(self, channel: Any, reason: str) -> None:
        with self._write:
            self._up.clear()
            self._channel = None
            waiting, self._waiting, self._unconfirmed = self._waiting, {}, {}
        if channel.connection is not None:
            channel.connection.collect()
        for pending in waiting.values():
            pending.answer.put(ConnectionLost(f"the connection to the message broker broke: {reason}"))

    def _hang_up(self, channel: Any) -> None:
        """End the connection; the reading thread notices at once, and closes it."""
        transport = getattr(getattr(channel, "connection", None), "_transport", None)
        if transport is not None and (sock := transport.sock) is not None:
            with suppress(OSError):  # it is at its end already
                sock.shutdown(socket.SHUT_RDWR)

    def _arrived(self, message: Message) -> None:
        pending = self._waiting.pop(message.properties.get("correlation_id", ""), None)
        if pending is None:
            self.late += 1
            return
        body = message.body
        pending.answer.put(body.encode() if isinstance(body, str) else bytes(body))

    def _confirmed(self, tag: int, multiple: bool) -> None:
        with self._write:
            tags = [t for t in self._unconfirmed if t <= tag] if multiple else [tag]
            confirmed = [self._unconfirmed.pop(t) for t in tags if t in self._unconfirmed]
        for pending in confirmed:
            pending.confirmed = True

    def _returned(self, error: Exception, exchange: str, key: str, message: Message) -> None:
        pending = self._waiting.pop(message.properties.get("correlation_id", ""), None)
        if pending is not None:
            pending.answer.put(NotRouted(f"the message broker has no queue for {key}"))
