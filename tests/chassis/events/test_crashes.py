"""Under a steady stream of events: kill -9 of relays and workers at random, and a broker that is away.

EVENT_SECONDS (20) is how long it goes on, EVENT_BROKER_AWAY (8) how long the broker is down meanwhile.
"""

import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.chassis.events.hosts import Host, Program
from tests.ports import wait_for
from tests.rabbitmq import RabbitMQ

SECONDS = float(os.environ.get("EVENT_SECONDS", "20"))
BROKER_AWAY = float(os.environ.get("EVENT_BROKER_AWAY", "8"))
RATE = 100
AGGREGATES = 20
SETTLE_SECONDS = 90.0
BETWEEN_KILLS = (0.3, 2.0)


class Stream:
    """Publishes RATE events a second from a process of its own; `committed` are those that are."""

    def __init__(self, maker: Host) -> None:
        self.process = maker.maker()
        self.committed: list[tuple[str, int]] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write), threading.Thread(target=self._read)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=30)
        self.process.wait(timeout=30)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _write(self) -> None:
        assert self.process.stdin is not None
        started, sent = time.monotonic(), 0
        while not self._over.wait(max(0.0, started + sent / RATE - time.monotonic())):
            packed = " packed" if sent % 3 == 0 else ""
            self.process.stdin.write(f"a{sent % AGGREGATES} {sent // AGGREGATES} keep{packed}\n")
            self.process.stdin.flush()
            sent += 1
        self.process.stdin.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            name, number, *_ = line.split()
            self.committed.append((name, int(number)))


@contextmanager
def killing(programs: list[Program]) -> Iterator[list[str]]:
    """Meanwhile one program after another is killed at a random moment, and started again; which ones."""
    over, killed = threading.Event(), []

    def kill() -> None:
        while not over.wait(random.uniform(*BETWEEN_KILLS)):
            victim = random.choice(programs)
            victim.kill()
            killed.append(victim.log.name)
            victim.start()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join(timeout=30)


@pytest.mark.timeout(400)
def test_no_event_is_lost_or_handled_twice_and_aggregates_keep_their_order(
    maker: Host, keeper: Host, rabbitmq: RabbitMQ
) -> None:
    programs = [keeper.worker(), keeper.worker(), maker.relay(), maker.relay()]
    stream = Stream(maker)
    stream.start()
    try:
        with killing(programs) as killed:
            over = time.monotonic() + SECONDS
            wait_for(lambda: len(stream.committed) > RATE, seconds=30)
            rabbitmq.kill()
            threading.Event().wait(BROKER_AWAY)
            rabbitmq.start()
            wait_for(lambda: time.monotonic() > over, seconds=SECONDS + 60)
    finally:
        stream.stop()
    committed = stream.committed
    assert len(killed) >= SECONDS / 4
    assert len(committed) >= SECONDS * RATE * 0.5
    wait_for(lambda: len(keeper.kept()) >= len(committed), seconds=SETTLE_SECONDS)
    wait_for(
        lambda: keeper.number("SELECT count(*) FROM events_received WHERE delivered_at IS NULL") == 0,
        seconds=SETTLE_SECONDS,
    )

    kept = keeper.kept()
    assert sorted(kept) == sorted(committed)
    by_aggregate = defaultdict(list)
    for name, number in kept:
        by_aggregate[name].append(number)
    for name, numbers in by_aggregate.items():
        assert numbers == sorted(numbers), f"{name} out of order"
    print(f"{len(committed)} events, {len(killed)} kills, broker away {BROKER_AWAY:g} s")  # noqa: T201
