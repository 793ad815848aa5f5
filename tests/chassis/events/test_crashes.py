"""Under a steady stream of events: kill -9 of relays and workers at random, and a broker that is away.

EVENT_SECONDS (20) is how long it goes on, EVENT_BROKER_AWAY (8) how long the broker is down meanwhile.
"""

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.chassis.events.hosts import Host, Program
from tests.chassis.events.stream import RATE, Stream, in_order
from tests.ports import wait_for
from tests.rabbitmq import RabbitMQ

SECONDS = float(os.environ.get("EVENT_SECONDS", "20"))
BROKER_AWAY = float(os.environ.get("EVENT_BROKER_AWAY", "8"))
SETTLE_SECONDS = 90.0
BETWEEN_KILLS = (0.3, 2.0)


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
    assert in_order(kept)
    print(f"{len(committed)} events, {len(killed)} kills, broker away {BROKER_AWAY:g} s")  # noqa: T201
