"""What keeping does: rows without a key, so that what happens twice is there twice."""

import os
import signal
from pathlib import Path

from django.db import connection


def kept() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kept")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def keep(*, name: str, number: int, how: str) -> None:
    """As `how` says: `keep`, `fail` while the file GATE is missing, `die`, or `away` (something is down)."""
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO kept (name, number) VALUES (%s, %s)", [name, number])
    if how == "fail" and not Path(os.environ["GATE"]).exists():
        raise ValueError(f"{name} {number} does not go well")
