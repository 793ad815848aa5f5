"""A host gets a new version's tables while the old one's processes handle events."""

import subprocess
import sys

import psycopg

from tests.chassis.events.hosts import ROOT, Host
from tests.ports import wait_for

CLAIM = "SELECT events_claim(gen_random_uuid(), 'handler', 'making')"
PUBLISH = """
    INSERT INTO events_outbox (event_id, type, aggregate, payload, traceparent, occurred_at, deliver_after,
                               waits_for, attempts, last_error, content_type)
    VALUES (gen_random_uuid(), 'making.made', 'a', '{}', '', now(), now(), '', 0, '', 'application/json')
"""
FINISH = "UPDATE events_received SET delivered_at = now()"
WAITS = "SELECT count(*) FROM pg_locks WHERE relation = 'events_inbox'::regclass AND NOT granted"
RELEASED = "0003"


def migrate(host: Host, *target: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "django", "migrate", "events", *target, "--verbosity=0"]
    return subprocess.Popen(command, cwd=ROOT, env=host.environment)


def test_a_handler_goes_on_while_the_tables_are_migrated(maker: Host) -> None:
    assert migrate(maker, RELEASED).wait(timeout=60) == 0
    with psycopg.connect(maker.database_url) as handler:
        handler.execute(CLAIM)
        migrating = migrate(maker)
        wait_for(lambda: maker.number(WAITS), seconds=30)
        handler.execute(PUBLISH)
        handler.execute(FINISH)
    assert migrating.wait(timeout=60) == 0
