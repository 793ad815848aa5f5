"""Reads are compared with the host that follows by replication: a planted difference is found, and nothing
else is taken for one, whatever changes meanwhile and however late the other is."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import psycopg.rows
import pytest
import requests

from tests.chassis.ownership.hosts import Host, World
from tests.ports import wait_for

SLOT = "strangler_ledger"
ROWS = 20
WRONG = 777


@pytest.fixture
def following(world: World) -> Iterator[World]:
    """The new host follows the old one's ledger, and all of its reads are compared."""
    old, new = world.old.rows, world.new.rows
    old.execute(f"CREATE PUBLICATION {SLOT} FOR TABLE ledger_entry")
    old.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [SLOT])
    new.execute(
        f"CREATE SUBSCRIPTION {SLOT} CONNECTION '{world.old.database}' PUBLICATION {SLOT} "
        f"WITH (create_slot = false, slot_name = '{SLOT}', copy_data = false)"
    )
    world.publish(peer="new", shadow=1.0, slot=SLOT)
    for key in range(ROWS):
        world.old.post("/api/entries", key=str(key), amount=key)
    wait_for(lambda: len(world.new.keys()) == ROWS, seconds=30)
    yield world
    world.publish()
    new.execute(f"ALTER SUBSCRIPTION {SLOT} DISABLE")
    new.execute(f"ALTER SUBSCRIPTION {SLOT} SET (slot_name = NONE)")
    new.execute(f"DROP SUBSCRIPTION {SLOT}")
    wait_for(lambda: not active(world), seconds=10)
    old.execute("SELECT pg_drop_replication_slot(%s)", [SLOT])
    old.execute(f"DROP PUBLICATION {SLOT}")


def active(world: World) -> int:
    return world.old.number("SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name = %s", SLOT)


def figures(world: World) -> dict[str, dict[str, Any]]:
    with world.old.rows.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return {row["method"]: row for row in cursor.execute("SELECT * FROM strangler.shadow")}


def total(world: World, name: str) -> int:
    return sum(row[name] for row in figures(world).values())


def ids(world: World) -> list[int]:
    return [row[0] for row in world.old.rows.execute("SELECT id FROM ledger_entry ORDER BY id")]


def read(host: Host, entry: int) -> None:
    """By HTTP, and through the port."""
    assert host.get(f"/api/entries/{entry}").status_code == 200
    assert host.get(f"/api/lookups/{entry}").status_code == 200


def until(world: World, name: str, count: int, ask: Callable[[], int]) -> None:
    """Ask, which says how often, until so many are counted: a replica that is late once makes what is read
    then stale. Every one is looked at before more are asked."""

    def looked_at() -> int:
        return sum(total(world, kind) for kind in ("compared", "stale", "failed"))

    def counted() -> bool:
        before = looked_at()
        asked = ask()
        wait_for(lambda: looked_at() >= before + asked, seconds=60)
        return total(world, name) >= count

    wait_for(counted, seconds=90)


def reading(world: World, entries: list[int]) -> Callable[[], int]:
    def ask() -> int:
        for entry in entries:
            read(world.old, entry)
        return 2 * len(entries)

    return ask


@contextmanager
def changing(world: World) -> Iterator[None]:
    """Every other entry has another amount all the time."""
    stop = threading.Event()
    entries = ids(world)[::2]

    def work() -> None:
        for turn in range(10**6):
            if stop.is_set():
                return
            url = f"{world.old.url}/api/entries/{entries[turn % len(entries)]}"
            assert requests.patch(url, json={"amount": turn % 500}, timeout=20).status_code == 200

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=30)


def test_nothing_differs_while_everything_changes(following: World) -> None:
    with changing(following):
        for _ in range(5):
            for entry in ids(following):
                read(following.old, entry)
        wait_for(lambda: total(following, "compared") >= 50, seconds=60)
    found = figures(following)
    assert {"entries", "GET /api/entries/<id:entry>"} <= {*found}
    assert total(following, "mismatched") == 0, found
    assert total(following, "failed") == 0, following.old.log()[-3000:]


def test_who_is_late_is_stale_not_different(following: World) -> None:
    following.new.rows.execute(f"ALTER SUBSCRIPTION {SLOT} DISABLE")
    wait_for(lambda: not active(following), seconds=20)
    for entry in ids(following)[:5]:
        requests.patch(f"{following.old.url}/api/entries/{entry}", json={"amount": 999}, timeout=20)
        read(following.old, entry)
    wait_for(lambda: total(following, "stale") >= 10, seconds=60)
    assert total(following, "mismatched") == 0
    following.new.rows.execute(f"ALTER SUBSCRIPTION {SLOT} ENABLE")
    wait_for(lambda: active(following), seconds=20)
    until(following, "matched", total(following, "matched") + 1, reading(following, ids(following)[:1]))


def test_planted_difference_is_found_and_shown(following: World) -> None:
    following.new.stop()
    following.new.start(LEDGER_WRONG=str(WRONG))
    try:
        wrong, *right = ids(following)
        requests.patch(f"{following.old.url}/api/entries/{wrong}", json={"amount": WRONG}, timeout=20)
        until(following, "matched", 2 * len(right), reading(following, right))
        assert total(following, "mismatched") == 0, figures(following)
        until(following, "mismatched", 2, reading(following, [wrong]))
        for row in figures(following).values():
            assert str(WRONG) in row["last_mismatch"]
            assert str(WRONG + 1) in row["last_mismatch"]
        told = following.old.log()
        assert "differs in 1.amount" in told
        assert f"here {WRONG}" not in told
    finally:
        following.new.stop()
        following.new.start(LEDGER_WRONG="-1")


def test_clients_known_by_a_cookie_are_known_when_it_is_read_again(following: World) -> None:
    """Else two answers that send them to log in would be a match."""
    path = f"/api/own/{ids(following)[0]}"

    def ask() -> int:
        assert following.old.get(path, Cookie="session=me").status_code == 200
        return 1

    until(following, "matched", 1, ask)


def test_answer_that_cannot_be_had_again_is_stale_not_equal(following: World) -> None:
    path = f"/api/own/{ids(following)[0]}"
    assert following.old.get(path, **{"X-Session": "me"}).status_code == 200
    wait_for(lambda: total(following, "stale") == 1, seconds=30)
    assert total(following, "compared") == 0
