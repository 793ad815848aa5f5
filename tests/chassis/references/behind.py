"""What code does with a reference at the old host after a cutover, told as JSON: the table it points at is
a copy that has Ada only, and the owner, `Afar`, has Grace too.
"""

import json
import sys
from io import StringIO
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import Prefetch
from django.test import Client
from django.test.utils import CaptureQueriesContext

from strangler.chassis import ownership, ports
from tests.chassis.references.people import models as people
from tests.chassis.references.walk import NAMES, Afar, Letter, attempt, listed

Person: Any = people.Person


def release() -> None:
    """Drop the constraints into the table, as a step does."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Letter._meta.db_table)
        for name, constraint in found.items():
            if constraint["foreign_key"]:
                cursor.execute(f'ALTER TABLE {Letter._meta.db_table} DROP CONSTRAINT "{name}"')


def names(letters: Any) -> list[str]:
    return [letter.person.name for letter in letters]


def main() -> None:
    afar = Afar()
    ports.use_transport(afar)
    call_command("migrate", stdout=StringIO())
    release()
    Person.objects.create(id=1, name="Ada")
    for i in (1, 2, 2):
        Letter.objects.create(person_id=i, text=f"to {i}")
    told: dict[str, Any] = {}
    letters = Letter.objects.order_by("id")
    told["before"] = attempt(lambda: names(letters.all()))
    ownership.learn("people", "people", 1)
    told["names"], told["calls"] = names(letters.all()), afar.calls
    afar.calls = 0
    with CaptureQueriesContext(connection) as queries:
        prefetched = list(letters.prefetch_related("person", "copy"))
        told["prefetched"], told["copy"] = names(prefetched), prefetched[1].copy
    told["prefetch_calls"], told["queries"] = afar.calls, len(queries)
    told["other_attribute"] = [
        letter.kept.name for letter in letters.prefetch_related(Prefetch("person", to_attr="kept"))
    ]
    chosen = letters.prefetch_related(Prefetch("person", queryset=Person.objects.filter(name="Ada")))
    afar.calls = 0
    told["chosen"] = attempt(lambda: chosen[1].person)
    told["chosen_calls"] = afar.calls
    letter = prefetched[1]
    letter.text = "saved"
    letter.save()
    letter.refresh_from_db()
    told["saved"] = [letter.text, letter.person_id, letter.person.name]
    letter.copy = letter.person
    told["assigned"] = [letter.copy_id, letter.copy.name]
    letter.copy_id = 1
    told["changed"] = letter.copy.name
    letter.copy_id = 2
    told["to_forget"], letter.copy = letter.copy.name, None
    letter.save()
    letter.refresh_from_db()
    told["forgotten"] = [letter.copy_id, letter.copy]
    letter.copy = Person(name="nobody yet")
    letter.copy = None
    told["forgotten"].append(letter.copy)
    letter.copy_id = 9
    told["unknown"] = attempt(lambda: letter.copy)
    staff: Any = User.objects.create_superuser("staff")
    client = Client()
    client.force_login(staff)
    told["admin"] = listed(client)
    afar.down = True
    told["found_while_down"] = attempt(lambda: names(letters.filter(person_id=1).prefetch_related("person")))
    told["down"] = attempt(lambda: names(letters.all()))
    told["admin_down"] = listed(client)
    afar.down = False
    Person.objects.create(id=2, name=NAMES[2])
    afar.calls = 0
    told["caught_up"] = [names(letters.all()), names(letters.prefetch_related("person")), afar.calls]
    connection.close()
    sys.stdout.write(json.dumps(told, default=str))
