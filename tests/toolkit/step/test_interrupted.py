"""Ctrl-C while a step copies: it ends there and then, and nobody copies on without the lock."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import msgspec

from tests.ports import wait_for
from tests.toolkit.step.world import HOSTS, World

HOLD = """
CREATE FUNCTION hold() RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN true; END $$;
CREATE DOMAIN held AS int CHECK (hold());
ALTER TABLE books_book ALTER pages TYPE held
"""
HELD = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 1"
COPYING = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'strangler-step' AND query LIKE 'COPY%'"


def test_copy_that_is_interrupted_ends(world: World) -> None:
    for host in HOSTS:
        world.run(host, HOLD)
    world.seed(20)
    with ThreadPoolExecutor(1) as pool, world.connect("books") as holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        command = pool.submit(world.migrate, "--until", "expand", status=None)
        wait_for(lambda: bool(world.rows("books", HELD)), seconds=30)
        lock = msgspec.json.decode(world.store.folder("strangler/locks/books")["strangler/locks/books"])
        os.kill(lock["process"], signal.SIGINT)
        try:
            done = command.result(timeout=20)
        finally:
            holder.execute("SELECT pg_advisory_unlock(1)")
        assert done.status == 143, done.said
        assert "it goes on where it stands" in done.said
        assert not world.rows("postgres", COPYING)
    world.migrate("--until", "expand")
    assert world.rows("books", "SELECT count(*) AS n FROM books_book")[0]["n"] == 20
