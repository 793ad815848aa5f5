"""`manage.py prepare`: what has to be done before a host's processes start."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

PREPARING = 0x70726570
"""PostgreSQL advisory lock: one process prepares a database at a time."""


class Command(BaseCommand):
    """Migrates the database and seeds it; harmless, and quick, when that is done already."""

    requires_system_checks: list[str] = []
    help = "Migrate the database, then seed it."

    def handle(self, *arguments: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SET lock_timeout = 0; SELECT pg_advisory_lock(%s); RESET lock_timeout", [PREPARING]
            )
        try:
            call_command("migrate", verbosity=options["verbosity"], stdout=self.stdout)
            call_command("seed", stdout=self.stdout)
        finally:
            connection.close()
