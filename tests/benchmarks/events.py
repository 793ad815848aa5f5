"""Events between two tiny hosts, each with a durable database of its own, over one broker."""

import tempfile
import threading
import time
from pathlib import Path
from statistics import quantiles

from tests.benchmarks.rows import Row
from tests.chassis.events.hosts import Host
from tests.chassis.events.stream import RATE, Stream
from tests.ports import wait_for
from tests.postgres import DURABLE, Postgres
from tests.rabbitmq import RabbitMQ

BACKLOG = 10_000
LEAST_RELAYED = 2_000.0
LONGEST_MS = 500.0
PATIENCE = 120.0
WARM_UP_SECONDS = 2.0
FILL = """
    INSERT INTO events_outbox (event_id, type, aggregate, payload, traceparent, occurred_at, delivered_at,
                               deliver_after, waits_for, attempts, last_error, content_type)
    SELECT gen_random_uuid(), 'making.made', 'a' || i % 1000,
           jsonb_build_object('name', 'a' || i % 1000, 'number', i, 'how', 'keep'), '', now(), now(),
           now(), '', 0, '', 'application/json'
    FROM generate_series(1, {}) AS i
"""
LATENCIES = "SELECT name, number, at FROM kept"
PUBLISHED = "SELECT aggregate, (payload ->> 'number')::int, occurred_at FROM events_outbox"


def between_two_hosts(*, seconds: float, rounds: int) -> list[Row]:
    """The rows, from a PostgreSQL and a RabbitMQ that have nothing else to do."""
    postgres, broker = Postgres(*DURABLE), RabbitMQ()
    try:
        url, _ = postgres.start(), broker.start()
        with tempfile.TemporaryDirectory(prefix="bench-events-") as directory:
            maker, keeper = (
                Host(name, domains, postgres=url, broker=broker.url, directory=Path(directory))
                for name, domains in (("maker", "making"), ("keeper", "keeping"))
            )
            try:
                keeper.worker()
                maker.relay()
                return [*latency(maker, keeper, seconds=seconds * rounds), *relayed(maker, keeper, rounds)]
            finally:
                maker.close()
                keeper.close()
    finally:
        broker.stop()
        postgres.stop()


def latency(maker: Host, keeper: Host, *, seconds: float) -> list[Row]:
    """From the publisher's transaction to the effect's, at RATE events a second."""
    stream = Stream(maker)
    stream.start()
    threading.Event().wait(WARM_UP_SECONDS + seconds)
    stream.stop()
    wait_for(lambda: len(keeper.kept()) >= len(stream.committed), seconds=PATIENCE)
    began = {(name, number): at for name, number, at in maker.database.execute(PUBLISHED.encode())}
    first = min(began.values()).timestamp() + WARM_UP_SECONDS
    took = [
        (at - began[name, number]).total_seconds() * 1000
        for name, number, at in keeper.database.execute(LATENCIES.encode())
        if began[name, number].timestamp() > first
    ]
    cuts, note = quantiles(took, n=100), f"{len(took)} events at {RATE}/s"
    return [
        Row("events", "from publishing to the effect elsewhere, p50", round(cuts[49], 1), "ms", note=note),
        Row("events", "from publishing to the effect elsewhere, p99", round(cuts[98], 1), "ms", LONGEST_MS),
    ]


def relayed(maker: Host, keeper: Host, rounds: int) -> list[Row]:
    """How fast one relay sends a backlog, which nobody works on meanwhile."""
    for program in keeper.programs:
        program.stop()
    rates = []
    for _ in range(rounds):
        maker.database.execute(FILL.format(BACKLOG).encode())
        started = time.perf_counter()
        wait_for(lambda: not maker.unpublished(), seconds=PATIENCE)
        rates.append(BACKLOG / (time.perf_counter() - started))
    rate = round(sorted(rates)[len(rates) // 2])
    note = f"median of {rounds} backlogs of {BACKLOG}"
    return [Row("events", "a relay", rate, "events/s", LEAST_RELAYED, at_most=False, note=note)]
