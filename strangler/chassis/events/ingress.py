"""How events get into a host: a thread of its worker takes them from `<host>.events`.

It writes them down, in batches and in order, acknowledges, and hands them to the worker's tasks; the
sweeper comes back to those whose hand-over failed. What cannot be read goes to the dead letters. While the
database is away it keeps what it has, and waits: giving it back would wear out the broker's count of
deliveries.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from amqp.basic_message import Message
from django.db import DatabaseError, DataError, connection

from strangler.chassis.events import envelope, receiving, topology
from strangler.chassis.events.broker import BROKEN, Channel, Outgoing, connected
from strangler.chassis.events.letters import LONGEST_REASON
from strangler.chassis.events.receiving import Stored
from strangler.chassis.events.registry import other_types

log = logging.getLogger(__name__)

PREFETCH = 200
TICK_SECONDS = 0.5
GATHER_SECONDS = 0.02
"""After an event arrived, how long others may join it: a batch costs little more than one."""
BACKOFF_SECONDS = (0.1, 2.0)

Dispatch = Callable[[Sequence[Stored]], None]


class Unhandled(Exception):
    """An event was sent here again, and no domain here handles such: one that did may have moved away."""


class Ingress:
    """`start`, `stop`. `types` are those that the host subscribes to; `dispatch` gets what is new."""

    def __init__(self, *, broker: str, host: str, types: Sequence[str], dispatch: Dispatch) -> None:
        self.broker, self.host, self.types, self.dispatch = broker, host, types, dispatch
        self.connected = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._arrived: list[Message] = []

    def start(self) -> None:
        """Take events from now on, as soon as the broker is there."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch under way; the broker gives the rest to another."""
        self._stopping.set()
        self._thread.join(timeout=15)

    def _run(self) -> None:
        pause, failing = BACKOFF_SECONDS[0], False
        while not self._stopping.is_set():
            channel: Channel | None = None
            try:
                channel = connected(self.broker, self._prepare)
                self.connected, pause, failing = True, BACKOFF_SECONDS[0], False
                self._consume(channel)
            except Exception as error:
                known = isinstance(error, BROKEN)
                level = logging.DEBUG if failing and known else logging.WARNING if known else logging.ERROR
                log.log(level, "events do not arrive: %s", error, exc_info=None if known else error)
                failing = True
                self._stopping.wait(pause)
                pause = min(pause * 2, BACKOFF_SECONDS[1])
            finally:
                self.connected = False
                connection.close()
                if channel is not None:
                    channel.close()

    def _prepare(self, channel: Any) -> None:
        topology.declare_host(channel, self.host, self.types, others=other_types())
        self._arrived = []
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume(topology.queue(self.host), callback=self._arrived.append)

    def _consume(self, channel: Channel) -> None:
        while not self._stopping.is_set():
            if channel.read(TICK_SECONDS):
                ends = time.monotonic() + GATHER_SECONDS
                while len(self._arrived) < PREFETCH and channel.read(ends - time.monotonic()):
                    pass
            if self._arrived:
                batch, self._arrived[:] = list(self._arrived), []
                self._take(channel, batch)

    def _take(self, channel: Channel, batch: Sequence[Message]) -> None:
        events, letters = [], []
        for message in batch:
            try:
                if (event := self._read(message)) is not None:
                    events.append(event)
            except Unhandled as error:
                letters.append(self._letter(message, str(error)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the next message can be read
                letters.append(self._letter(message, f"unreadable: {str(error) or repr(error)}"))
        stored = self._store(channel, events, letters)
        if stored is None:
            return
        if letters:
            channel.send(letters)
        channel.amqp.basic_ack(batch[-1].delivery_tag, multiple=True)
        if stored:
            self.dispatch(stored)

    def _read(self, message: Message) -> envelope.Arrived | None:
        headers = message.headers or {}
        source, event_type = envelope.source_and_type(headers)
        replay = bool(headers.get(envelope.REPLAY))
        if not event_type or receiving.concerns(event_type, source, replay=replay, host=self.host):
            return envelope.read(headers, message.properties.get("content_type", ""), _body(message))
        if replay:
            raise Unhandled(f"nobody at {self.host} handles {event_type}")
        return None

    def _store(
        self, channel: Channel, events: Sequence[envelope.Arrived], letters: list[Outgoing]
    ) -> list[Stored] | None:
        """Until the database has them; None if the process is to stop before."""
        failing = False
        while events and not self._stopping.is_set():
            try:
                return receiving.store(events, host=self.host)
            except DataError as error:
                if len(events) == 1:
                    letters.append(self._unfit(events[0], str(error)))
                    return []
                half = len(events) // 2
                first = self._store(channel, events[:half], letters)
                second = self._store(channel, events[half:], letters)
                return None if first is None or second is None else first + second
            except DatabaseError as error:
                log.log(
                    logging.DEBUG if failing else logging.WARNING, "events wait for the database: %s", error
                )
                failing = True
                connection.close()
                channel.read(TICK_SECONDS)
        return None if events else []

    def _letter(self, message: Message, reason: str) -> Outgoing:
        """The message as it came, with the reason."""
        log.error("a message of %s goes to the dead letters: %s", topology.queue(self.host), reason)
        properties = {k: v for k, v in message.properties.items() if k != "application_headers"}
        headers = {**(message.headers or {}), envelope.REASON: reason[:LONGEST_REASON]}
        letter = Message(_body(message), application_headers=headers, **{**properties, "delivery_mode": 2})
        return Outgoing("", topology.dead(self.host), letter)

    def _unfit(self, event: envelope.Arrived, reason: str) -> Outgoing:
        log.error("%s %s goes to the dead letters: %s", event.type, event.id, reason)
        letter = envelope.message(
            id=str(event.id),
            source=event.source,
            type=event.type,
            aggregate=event.aggregate,
            time=event.time,
            traceparent=event.traceparent,
            body=event.payload.encode(),
            **{envelope.REASON: f"the database does not take it: {reason}"[:LONGEST_REASON]},
        )
        return Outgoing("", topology.dead(self.host), letter)


def _body(message: Message) -> bytes:
    body: Any = message.body
    return body.encode() if isinstance(body, str) else bytes(body)
