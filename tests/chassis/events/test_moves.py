"""A domain moves to and fro between two hosts that both hear of every event: each has its effect once."""

from collections.abc import Callable
from typing import Any

import psycopg

from strangler.chassis.ownership.schema import LOCK_CLASS, SCHEMA
from tests.chassis.events.hosts import Host
from tests.chassis.events.stream import Stream, in_order
from tests.ports import wait_for

MOVES = 6
BETWEEN_MOVES = 50
SETTLE_SECONDS = 60.0
CLAIMS = "SELECT event_id, handler, domain, handled_at FROM events_inbox"
CLAIM = "INSERT INTO events_inbox VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"


def begin(host: Host, owner: str) -> None:
    host.database.execute(SCHEMA.encode())
    row = ["keeping", host.name, owner, 1]
    host.database.execute("INSERT INTO strangler.ownership VALUES (%s, %s, %s, %s)", row)


def move(source: Host, target: Host, *, epoch: int) -> None:
    """As a cutover does it. The claims go along, which replication would have seen to."""
    flip = "UPDATE strangler.ownership SET owner = %s, epoch = %s"
    with psycopg.connect(source.database_url, autocommit=True) as fence:
        lock: list[Any] = [LOCK_CLASS, "keeping"]
        fence.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", lock)
        claims = fence.execute(CLAIMS).fetchall()
        with target.database.cursor() as cursor:
            cursor.executemany(CLAIM, claims)
        fence.execute(flip, [target.name, epoch])
        target.database.execute(flip, [target.name, epoch])


def keeps_on(host: Host) -> None:
    before = len(host.kept())
    wait_for(lambda: len(host.kept()) > before + BETWEEN_MOVES, seconds=SETTLE_SECONDS)


def test_each_event_has_its_effect_on_one_of_them(maker: Host, new_host: Callable[..., Host]) -> None:
    first, second = new_host("first", "keeping"), new_host("second", "keeping")
    for host in (first, second):
        begin(host, "first")
        host.worker()
    maker.relay()
    stream = Stream(maker)
    stream.start()
    try:
        for epoch in range(2, 2 + MOVES):
            source, target = (first, second) if epoch % 2 == 0 else (second, first)
            keeps_on(source)
            move(source, target, epoch=epoch)
    finally:
        stream.stop()
    committed = sorted(stream.committed)
    wait_for(lambda: len(first.kept()) + len(second.kept()) >= len(committed), seconds=SETTLE_SECONDS)

    sql = "SELECT at, name, number FROM kept"
    rows = [row for host in (first, second) for row in host.database.execute(sql).fetchall()]
    kept = [(name, number) for _, name, number in sorted(rows)]
    assert sorted(kept) == committed
    assert in_order(kept)
