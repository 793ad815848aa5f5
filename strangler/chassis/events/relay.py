"""A host's relay: `python -m strangler.chassis.events.relay SETTINGS` sends its outbox to the broker.

It is woken by NOTIFY and looks by itself every second. An event is marked as published when the broker has
confirmed it; if the relay, the broker or the database dies in between, it is sent again, and receivers know
it by its id. Any number of relays may run (see `unpublished`). While nothing is to be sent it forgets, now
and then, what is old: a host may have no worker that does.
"""

import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import django
import psycopg

from strangler.chassis import logs
from strangler.chassis.config import current
from strangler.chassis.discovery import Registration
from strangler.chassis.events import envelope, topology
from strangler.chassis.events.broker import BROKEN, Channel, Outgoing, connected
from strangler.chassis.events.health import Health
from strangler.chassis.events.unpublished import Event, Unpublished, session

log = logging.getLogger(__name__)

BATCH = 500
POLL_SECONDS = 1.0
BACKOFF_SECONDS = (0.1, 2.0)


class Relay:
    """`run` until `stop`, which any thread and a signal handler may call."""

    def __init__(self, host: str, broker: str) -> None:
        self.host, self.broker = host, broker
        self.connected = False
        self.sent = 0
        self._stopping = threading.Event()
        self._waker, self._wakes = socket.socketpair()
        self._prune_at = time.monotonic()

    def run(self) -> None:
        """Connect, send, and connect again when something broke."""
        from django.db import DatabaseError

        pause, failing = BACKOFF_SECONDS[0], False
        while not self._stopping.is_set():
            channel: Channel | None = None
            database: psycopg.Connection[Any] | None = None
            try:
                channel = connected(self.broker, topology.declare_exchange)
                database = session()
                outbox = Unpublished(database)
                self.connected, failing, pause = True, False, BACKOFF_SECONDS[0]
                log.info("relaying the events of %s", self.host)
                self._relay(outbox, channel)
            except (*BROKEN, DatabaseError, psycopg.Error) as error:
                log.log(logging.DEBUG if failing else logging.WARNING, "the relay starts again: %s", error)
                failing = True
                self._stopping.wait(pause)
                pause = min(pause * 2, BACKOFF_SECONDS[1])
            finally:
                self.connected = False
                if channel is not None:
                    channel.close()
                if database is not None:
                    database.close()

    def stop(self) -> None:
        """Finish the batch under way and end."""
        self._stopping.set()
        self._waker.send(b"x")

    def _relay(self, outbox: Unpublished, channel: Channel) -> None:
        while not self._stopping.is_set():
            events = outbox.next(BATCH)
            if events:
                channel.send([self._outgoing(event) for event in events])
                outbox.published(events)
                self.sent += len(events)
            else:
                self._wait(outbox, channel)

    def _outgoing(self, event: Event) -> Outgoing:
        message = envelope.message(
            id=str(event.id),
            source=self.host,
            type=event.type,
            aggregate=event.aggregate,
            time=event.time,
            traceparent=event.traceparent,
            body=event.body,
            content_type=event.content_type,
        )
        return Outgoing(topology.EXCHANGE, event.type, message)

    def _wait(self, outbox: Unpublished, channel: Channel) -> None:
        """Until somebody publishes, or it is time to look anyway."""
        if not outbox.woken and time.monotonic() >= self._prune_at:
            self._prune()
        elif not outbox.woken:
            ends: list[Any] = [outbox.connection.fileno(), channel.socket, self._wakes]
            readable, _, _ = select.select(ends, [], [], POLL_SECONDS)
            if channel.socket in readable:
                channel.read(0)
            outbox.look()
        channel.connection.heartbeat_tick()

    def _prune(self) -> None:
        from django.db import connection

        from strangler.chassis.events.sweeping import PRUNE_SECONDS, SLICE, prune

        # Before, so that what fails is not tried again at once.
        self._prune_at = time.monotonic() + PRUNE_SECONDS
        try:
            if prune(relayed=True, seconds=0) >= SLICE:
                self._prune_at = 0.0  # there may be more; first comes what is to be sent
        finally:
            connection.close()


def main(arguments: Sequence[str]) -> None:
    """Relay until SIGTERM."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m strangler.chassis.events.relay SETTINGS")
    os.environ["DJANGO_SETTINGS_MODULE"] = arguments[0]
    os.environ.setdefault("PROCESS", "relay")
    logs.configure()
    django.setup()
    settings = current()
    relay = Relay(settings.service, os.environ.get("BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//"))

    def terminate(*_: Any) -> None:
        relay.stop()

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, terminate)
    health = Health(lambda: {} if relay.connected else {"relay": "not connected"})
    health.start(os.environ.get("BIND", ""))
    registration = None
    if settings.consul_url and settings.advertise:
        name = f"{settings.service}-relay"
        registration = Registration(settings.consul_url, name, settings.advertise, routed=False)
        registration.start()
    relay.run()
    if registration is not None:
        registration.stop()
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
