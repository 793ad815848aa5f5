"""What the other domain does."""

from django.db import connection


def doze(*, seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
