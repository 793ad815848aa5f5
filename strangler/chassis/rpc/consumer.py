"""The host's side of the wire: Nameko's RPC extensions, hardened.

What differs from Nameko 2.14.1's own: messages are taken undecoded, so one that cannot be read does not end
the container but lies in the dead-letter queue with its reason; a call past its deadline is not begun; a
message whose host died several times in the middle of it is taken out; an answer and the acknowledgement go
out on the connection that the call came by, in this order, so no answer is lost that was acknowledged; and a
stopping container keeps that connection until everything under way is answered.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import amqp
import eventlet
import kombu
from amqp.basic_message import Message
from nameko.messaging import QueueConsumer
from nameko.rpc import Rpc, RpcConsumer

from strangler.chassis.rpc import deadline, envelope
from strangler.chassis.rpc.connection import EXCHANGE, REPLY_TO, TRANSIENT, dead_letters, publish
from strangler.chassis.rpc.errors import CallRefused, DeadlinePassed

log = logging.getLogger(__name__)

FOREIGN_SECONDS = 30.0
"""The deadline of a call whose caller sent none."""

MOST_SECONDS = 60.0
MOST_ATTEMPTS = 3
PATIENCE = {"interval_start": 0.1, "interval_step": 0.2, "interval_max": 1.0}
WAKE_SECONDS = 0.2
PERSISTENT = 2


class Messages(QueueConsumer):  # type: ignore[misc]
    """Takes messages from the broker and keeps count of those under way."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way: set[Any] = set()
        self.connected = False

    def run(self, **options: Any) -> None:
        while not self.should_stop:
            try:
                super().run(safety_interval=WAKE_SECONDS, **options)
            except amqp.AMQPError as error:
                # A broker on its way up refuses queues that it has not found yet.
                log.warning("the message broker refused: %s", error)
                eventlet.sleep(PATIENCE["interval_max"])

    @contextmanager
    def establish_connection(self) -> Iterator[Any]:
        """As kombu's, which would pause for up to half a minute after a long outage."""
        with self.create_connection() as connection:
            connection.ensure_connection(self.on_connection_error, **PATIENCE)
            yield connection

    def consume(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        try:
            yield from super().consume(*arguments, **options)
        finally:
            self.connected = False

    def on_consume_ready(self, *arguments: Any, **options: Any) -> None:
        self.connected = True
        super().on_consume_ready(*arguments, **options)

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        for provider in self._providers:
            kombu.Queue(dead_letters(self.container.service_name), channel=channel).declare()
            consumer = consumer_cls(
                queues=[provider.queue],
                on_message=partial(self._take, provider),
                # What kombu cannot unpack.
                on_decode_error=partial(self._unreadable, provider),
            )
            consumer.qos(prefetch_count=self.prefetch_count)
            self._consumers[provider] = consumer
        return self._consumers.values()

    def on_iteration(self) -> None:
        self._cancel_consumers_if_requested()
        if not self._consumers and not self.under_way:
            self.should_stop = True

    def _take(self, provider: Any, message: Any) -> None:
        self.under_way.add(message)
        # In a greenlet of its own: it may wait for a free worker, and the broker's heartbeat must not.
        self.container.spawn_managed_thread(partial(provider.handle_message, message), identifier="message")

    def _unreadable(self, provider: Any, message: Any, error: Exception) -> None:
        self.under_way.add(message)
        provider.bury(message, f"unreadable: {error}")


class Calls(RpcConsumer):  # type: ignore[misc]
    """Gives each call to its method's entrypoint, or refuses it."""

    queue_consumer = Messages()

    def handle_message(self, message: Any) -> None:
        """Work on it, refuse it, or put it aside. What is raised here would end the container."""
        try:
            self._handle(message)
        except Exception as error:
            log.exception("a message could not be handled")
            self.bury(message, f"could not be handled: {error!r}")

    def _handle(self, message: Any) -> None:
        headers = message.headers or {}
        method = message.delivery_info["routing_key"].rpartition(".")[2]
        domain = self.container.service_name.rpartition(".")[2]
        if message.delivery_info.get("redelivered"):
            self._once_more(message, headers)
            return
        seconds = min(deadline.from_wire(headers, otherwise=FOREIGN_SECONDS), MOST_SECONDS)
        if seconds <= 0:
            self.reply(message, envelope.refusal(not_begun(domain, method, headers)))
            return
        ends = time.monotonic() + seconds
        entrypoint = next((p for p in self._providers if p.method_name == method), None)
        if entrypoint is None:
            known = ", ".join(sorted(p.method_name for p in self._providers))
            refused = CallRefused(domain, method, f"there is no such method here; there are: {known}")
            self._refuse(message, refused)
            return
        try:
            arguments = entrypoint.coding.read_call(bytes(_body(message)))
        except envelope.Malformed as error:
            self.bury(message, f"not a call: {error}")
        except CallRefused as error:
            self._refuse(message, error)
        else:
            entrypoint.begin(message, arguments, ends)

    def reply(self, message: Any, body: bytes) -> None:
        """Answer the caller, then acknowledge: on one channel, so the broker takes them in this order."""
        reply_to = message.properties.get("reply_to")

        def answer(channel: Any) -> None:
            if reply_to:
                properties = {
                    "content_type": "application/json",
                    "content_encoding": "utf-8",
                    "correlation_id": message.properties.get("correlation_id", ""),
                    "delivery_mode": TRANSIENT,
                }
                # Direct reply-to goes by the default exchange, Nameko's own reply queues by its own.
                exchange = "" if reply_to.startswith(f"{REPLY_TO}.") else EXCHANGE
                publish(channel, Message(body, **properties), exchange=exchange, key=reply_to)

        self._finish(message, answer)

    def bury(self, message: Any, reason: str) -> None:
        """Put the message aside with its reason, and tell the caller if there is one."""
        service = self.container.service_name
        log.error("a message of %s goes to the dead letters: %s", service, reason)
        body = bytes(_body(message))
        # Under its own name, a compression that is wrong would keep everybody from reading the letter.
        kept = {"x-compression" if k == "compression" else k: v for k, v in (message.headers or {}).items()}
        headers = {
            **kept,
            "x-reason": reason[:1000],
            "x-routing-key": message.delivery_info["routing_key"],
            "x-content-type": message.properties.get("content_type", ""),
        }
        letter = Message(
            body,
            content_type="application/octet-stream",
            delivery_mode=PERSISTENT,
            correlation_id=message.properties.get("correlation_id", ""),
            application_headers=headers,
        )
        domain, method = service.rpartition(".")[2], message.delivery_info["routing_key"].rpartition(".")[2]

        def put_aside(channel: Any) -> None:
            publish(channel, letter, exchange="", key=dead_letters(service))

        self._on_channel(message, put_aside)
        self.reply(message, envelope.refusal(CallRefused(domain, method, reason), kind=envelope.BURIED))

    def _refuse(self, message: Any, error: CallRefused) -> None:
        if message.properties.get("reply_to"):
            log.warning("refused: %s", error)
            self.reply(message, envelope.refusal(error))
        else:
            self.bury(message, error.reason)

    def _once_more(self, message: Any, headers: dict[str, Any]) -> None:
        """A message came back, because its host died or lost its connection.

        A classic queue does not count how often. The message does: it goes round again with the number.
        """
        attempts = int(headers.get("x-attempts", 1))
        if attempts >= MOST_ATTEMPTS:
            self.bury(message, f"its host died {attempts} times while working on it")
            return
        properties = {k: v for k, v in message.properties.items() if k != "application_headers"}
        again = Message(
            bytes(_body(message)), **properties, application_headers={**headers, "x-attempts": attempts + 1}
        )
        key = message.delivery_info["routing_key"]

        def send_again(channel: Any) -> None:
            publish(channel, again, key=key)

        self._finish(message, send_again)

    def _on_channel(self, message: Any, work: Callable[[Any], None]) -> bool:
        """Whether it could be done: without the connection that the message came by, the broker has taken the
        message back and gives it to somebody again."""
        channel = message.channel
        if channel is None or channel.connection is None:
            return False
        try:
            work(channel)
        except (OSError, amqp.AMQPError) as error:
            log.warning("the connection broke before a call was answered: %s", error)
            return False
        return True

    def _finish(self, message: Any, work: Callable[[Any], None]) -> None:
        def work_and_acknowledge(channel: Any) -> None:
            work(channel)
            message.ack()

        try:
            self._on_channel(message, work_and_acknowledge)
        finally:
            self.queue_consumer.under_way.discard(message)


def not_begun(domain: str, method: str, headers: Mapping[str, Any]) -> DeadlinePassed:
    """What the caller of a call is told that came too late."""
    # Who had it before may have done it.
    unknown = "x-attempts" in headers
    return DeadlinePassed(domain, method, "the deadline passed before the call was begun", unknown=unknown)


def _body(message: Any) -> bytes:
    body = message.body
    return body.encode() if isinstance(body, str) else body


class Entrypoint(Rpc):  # type: ignore[misc]
    """A method of a port, called from afar. The method itself gives the answer's bytes."""

    rpc_consumer = Calls()

    def __init__(self, coding: envelope.Codec, **options: Any) -> None:
        super().__init__(**options)
        self.coding = coding

    def begin(self, message: Any, arguments: dict[str, Any], ends: float) -> None:
        """Give it to a worker, as soon as one is free."""
        context = {**self.unpack_message_headers(message), "ends": ends}
        self.container.spawn_worker(
            self,
            (),
            arguments,
            context_data=context,
            handle_result=partial(self._answer, message),
        )

    def _answer(self, message: Any, worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        # The method answers for its own failures; what else goes wrong is the chassis's.
        body = result if exc_info is None else envelope.refusal(exc_info[1])
        error = None if message.properties.get("reply_to") else envelope.error_of(body)
        if error is None:
            self.rpc_consumer.reply(message, body)
        else:
            # Nobody would ever hear of it.
            self.rpc_consumer.bury(message, f"{error.exc_type}: {error.value}")
        return result, exc_info
