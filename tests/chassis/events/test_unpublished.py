"""A relay's view of the outbox: it does not look where all is published, and misses nothing for it."""

from collections.abc import Iterator

import psycopg
import pytest

from strangler.chassis.events import unpublished
from strangler.chassis.events.unpublished import Unpublished
from tests.chassis.events.hosts import Host
from tests.ports import wait_for

INSERT = """
    INSERT INTO events_outbox (event_id, type, aggregate, payload, traceparent, occurred_at, delivered_at,
                               deliver_after, waits_for, attempts, last_error, content_type)
    VALUES (gen_random_uuid(), 'making.made', %s, '{}', '', now(), now(),
            now(), '', 0, '', 'application/json')
    RETURNING id
"""


@pytest.fixture
def outbox(maker: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unpublished]:
    """One that looks at everything each time it is asked, and not each second."""
    monkeypatch.setattr(unpublished, "SHARE_SECONDS", 0.0)
    with psycopg.connect(maker.database_url, autocommit=True) as connection:
        yield Unpublished(connection)


def insert(connection: psycopg.Connection[tuple[object, ...]], aggregate: str = "a") -> int:
    row = connection.execute(INSERT.encode(), [aggregate]).fetchone()
    assert row is not None
    return int(str(row[0]))


def relay(outbox: Unpublished) -> list[int]:
    events = outbox.next(100)
    outbox.published(events)
    return [event.row for event in events]


def test_floor_rises_over_what_is_published(maker: Host, outbox: Unpublished) -> None:
    rows = [insert(maker.database) for _ in range(5)]
    assert relay(outbox) == rows
    # It rises when no transaction of the whole server is older, such as an autovacuum's.
    wait_for(lambda: relay(outbox) == [] and outbox.floor.id == rows[-1])
    later = insert(maker.database)
    assert relay(outbox) == [later]


def test_the_first_event_ever_is_seen_by_a_relay_that_waited_for_it(maker: Host, outbox: Unpublished) -> None:
    for _ in range(6):
        assert relay(outbox) == []
    assert outbox.floor.id == 0
    first = insert(maker.database)
    assert relay(outbox) == [first]


def test_floor_stays_below_what_is_not_committed_yet(maker: Host, outbox: Unpublished) -> None:
    with psycopg.connect(maker.database_url) as slow:
        late = insert(slow)
        early = insert(maker.database)
        assert relay(outbox) == [early]
        for _ in range(6):
            assert relay(outbox) == []
        assert outbox.floor.id < late
        slow.commit()
        assert relay(outbox) == [late]


def test_floor_stays_below_what_could_not_be_sent(maker: Host, outbox: Unpublished) -> None:
    row = insert(maker.database)
    for _ in range(6):
        assert [event.row for event in outbox.next(100)] == [row]
    assert outbox.floor.id < row


def test_partitions_of_a_relay_that_died_are_looked_at_from_the_start(
    maker: Host, outbox: Unpublished
) -> None:
    outbox.next(100)
    with psycopg.connect(maker.database_url, autocommit=True) as connection:
        other = Unpublished(connection)
        for _ in range(3):
            outbox.next(100)
            other.next(100)
        assert len(outbox.mine) == len(other.mine) == 8
        rows = [insert(maker.database, f"a{number}") for number in range(40)]
        mine = relay(outbox)
        assert 0 < len(mine) < 40
        for _ in range(4):
            outbox.next(100)
        assert outbox.floor.id == rows[-1]
    wait_until_left(maker)
    assert sorted(mine + relay(outbox)) == rows


def wait_until_left(maker: Host) -> None:
    """Only one relay is there: a session's locks outlive its client's `close` by a moment."""
    left = """
        SELECT count(DISTINCT pid) FROM pg_locks
        WHERE locktype = 'advisory' AND classid = %s
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
    wait_for(lambda: maker.database.execute(left, [unpublished.LOCK_CLASS]).fetchone() == (1,))
