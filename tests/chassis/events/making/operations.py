"""What making does: `python -m tests.chassis.events.making.operations` makes things as told by its input."""

import os
import sys

from django.db import connection


def made() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM events_outbox")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """Publish `<name> <number> <how> [packed]` a line, each in a transaction of its own."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.chassis.events.settings")
    import django

    django.setup()
    from django.db import transaction

    from strangler.chassis.events import publish
    from tests.chassis.events.contracts import Made, Packed

    for line in sys.stdin:
        name, number, how, *packed = line.split()
        kind = Packed if packed else Made
        with transaction.atomic():
            publish(kind(name=name, number=int(number), how=how))
        sys.stdout.write(line)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
