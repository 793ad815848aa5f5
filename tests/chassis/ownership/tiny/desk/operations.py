"""What the desk does."""

from django.db import connection, transaction

from tests.chassis.ownership.tiny.contract import ledger


def visit(*, key: str, amount: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO desk_visit VALUES (%s) ON CONFLICT DO NOTHING", [key])
        entry = ledger.note(key=key, amount=amount)
        cursor.execute("UPDATE desk_visit SET entry = %s WHERE key = %s", [entry, key])
    return entry
