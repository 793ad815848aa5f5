"""`manage.py prepare`: what has to be done before a host's processes start."""

import os
import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

PREPARING = 0x70726570
"""PostgreSQL advisory lock: one process prepares a database at a time."""
SEEDED = "demo"
"""What the variable SEED says where a host is to have its domains' seeds. They may be what nobody wants in a
host that others can reach, such as users with a password that everybody knows."""
BROKER_SECONDS = 15.0
"""For a broker that starts at the same time."""


class Command(BaseCommand):
    """Migrates the database, seeds it where SEED=demo, subscribes to events; harmless, and quick, when it is
    done already."""

    requires_system_checks: list[str] = []
    help = (
        "Migrate the database, seed it (SEED=demo), and declare the queue of the events the host listens to."
    )

    def handle(self, *arguments: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SET lock_timeout = 0; SELECT pg_advisory_lock(%s); RESET lock_timeout", [PREPARING]
            )
        try:
            call_command("migrate", verbosity=options["verbosity"], stdout=self.stdout)
            if os.environ.get("SEED") == SEEDED:
                call_command("seed", stdout=self.stdout)
        finally:
            connection.close()
        self.subscribe(os.environ.get("BROKER_URL", ""))

    def subscribe(self, broker: str) -> None:
        """Before anybody publishes what nobody would keep for this host."""
        from strangler.chassis.events import topology
        from strangler.chassis.events.broker import BROKEN, connected
        from strangler.chassis.events.registry import other_types, subscribed_types

        types, ends = subscribed_types(), time.monotonic() + BROKER_SECONDS

        def declare(channel: Any) -> None:
            topology.declare_host(channel, os.environ.get("SERVICE", "host"), types, others=other_types())

        while broker and types:
            try:
                connected(broker, declare).close()
            except BROKEN as error:
                if time.monotonic() < ends:
                    time.sleep(0.2)
                    continue
                self.stderr.write(f"The broker does not answer: {error}. The worker will subscribe.")
            return
