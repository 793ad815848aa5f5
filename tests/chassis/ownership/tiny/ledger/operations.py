"""What the ledger does."""

import os

from django.db import connection

from tests.chassis.ownership.tiny.contract import Entry, TooMuch

MOST = 1000
# A defect that a test plants into one of two hosts: every entry of this amount is read as one more.
WRONG = int(os.environ.get("LEDGER_WRONG", "-1"))


def entries(*, ids: list[int]) -> dict[int, Entry]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, key, amount FROM ledger_entry WHERE id = ANY(%s)", [ids])
        return {i: Entry(id=i, key=key, amount=a + (a == WRONG)) for i, key, a in cursor.fetchall()}


def total(*, most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(amount), 0) FROM ledger_entry")
        found: int = cursor.fetchone()[0]
    if found > most:
        raise TooMuch
    return found


def note(*, key: str, amount: int) -> int:
    if amount > MOST:
        raise TooMuch
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_entry (key, amount) VALUES (%s, %s) ON CONFLICT DO NOTHING", [key, amount]
        )
        cursor.execute("SELECT id FROM ledger_entry WHERE key = %s", [key])
        found: int = cursor.fetchone()[0]
        return found


def change(*, entry: int, amount: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_entry SET amount = %s WHERE id = %s", [amount, entry])


def wait() -> None:
    """Until nobody holds lock 1."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(1)")
