"""Everything that code does with a reference, told as JSON.

Run by the tests once in a host of both domains and once in one of letters alone, where it asks `Afar`.
"""

import json
import re
import sys
from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import CASCADE, Model
from django.forms import modelform_factory
from django.test import Client
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from strangler.chassis import ports
from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ports import Method
from strangler.chassis.references import reference
from tests.chassis.references.contract import Person, Seal
from tests.chassis.references.letters import models
from tests.chassis.references.letters.admin import LetterAdmin

# mypy knows one project's models, and this is another's.
Letter: Any = models.Letter
Parcel: Any = models.Parcel
Stamp: Any = models.Stamp

NAMES = {1: "Ada", 2: "Grace"}
SEAL = UUID(int=7)


TYPES = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"


class Afar:
    """The host of people, as a transport reaches it; it counts, and may be down."""

    def __init__(self) -> None:
        self.calls, self.down = 0, False

    def call(self, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        self.calls += 1
        if self.down:
            raise DomainUnavailable(domain, method.name, "down")
        if method.name == "seals":
            return {i: Seal(id=i) for i in arguments["ids"]}
        return {i: Person(id=i, name=NAMES[i]) for i in arguments["ids"] if i in NAMES}

    def shadow(self, host: str, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        raise AssertionError("nothing is compared here")


class Serializer(serializers.ModelSerializer[Any]):
    class Meta:
        model = Letter
        fields = ("id", "person", "copy", "text")


class ParcelSerializer(serializers.ModelSerializer[Any]):
    class Meta:
        model = Parcel
        fields = ("id", "person", "seal", "text")


class StampSerializer(serializers.ModelSerializer[Any]):
    class Meta:
        model = Stamp
        fields = ("owner", "licker")


def stamps() -> dict[str, Any]:
    """What the options of references do."""
    form: Any = modelform_factory(Stamp, fields=["owner", "licker"])()
    stamp = Stamp.objects.create(owner_id=1)
    again = StampSerializer(data={"owner": 1})
    again.is_valid()
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Stamp._meta.db_table).values()
    return {
        "columns": sorted(types(Stamp)),
        "unique": [c["columns"] for c in found if c["unique"] and not c["primary_key"]],
        "names": [stamp.owner.name, stamp.licker.name, Stamp.objects.get(owner_id=1).owner_id],
        "again": {name: [error.code for error in errors] for name, errors in again.errors.items()},
        "form": {name: [field.label, field.required, field.help_text] for name, field in form.fields.items()},
        "refused": attempt(lambda: reference("people.Person", on_delete=CASCADE)),
        "checked": [error.msg for error in Stamp.check()],
        "deconstructed": [field.deconstruct() for field in Stamp._meta.fields[1:]],
        "cloned": [field.clone().deconstruct()[1:] for field in Stamp._meta.fields[1:]],
    }


def types(model: Any) -> dict[str, str]:
    """The types of a table's columns."""
    with connection.cursor() as cursor:
        cursor.execute(TYPES, [model._meta.db_table])
        return dict(cursor.fetchall())


def parcel(existing: Any = None, **data: Any) -> Any:
    """What the API says to a new parcel, or to a change of one."""
    form = ParcelSerializer(existing, data=data, partial=existing is not None)
    if form.is_valid():
        form.save()
        return json.loads(JSONRenderer().render(form.data))
    return {name: [error.code for error in errors] for name, errors in form.errors.items()}


def attempt(work: Callable[[], Any]) -> str:
    try:
        return str(work())
    except Exception as error:  # noqa: BLE001 - it is told
        return f"{type(error).__name__}: {error}"


def listed(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/admin/letters/letter/{query}")
    assert page.status_code == 200, page.content
    return re.findall(
        r'class="field-(?:reference|person|target)[^"]*">(?:<a[^>]*>)?([^<]*)<', page.content.decode()
    )


def linked(client: Client) -> dict[str, Any]:
    """What leads from a page of letters to one of them, and whether it can be sorted by whom they are to."""
    page = client.get("/admin/letters/letter/").content.decode()
    header = r'<th scope="col" class="(?:[^"]* )?sortable [^"]*column-target'
    return {
        "links": re.findall(r'class="field-(\w+)[^"]*"><a href="/admin/letters/letter/[^>]*>([^<]*)<', page),
        "sortable": re.search(header, page) is not None,
    }


class EditedInTheList(LetterAdmin):
    """An admin as it cannot be."""

    list_display_links = ("text",)
    list_editable = ("person",)


def constraints() -> int:
    """How many foreign keys the table of letters has."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Letter._meta.db_table)
    return sum(bool(constraint["foreign_key"]) for constraint in found.values())


def name_people(local: bool) -> None:
    """As NAMES has it; who is afar is named by it anyway."""
    registry: Any = apps
    if local:
        registry.get_model("people", "Seal").objects.get_or_create(id=SEAL)
    for i, name in NAMES.items() if local else ():
        registry.get_model("people", "Person").objects.update_or_create(id=i, defaults={"name": name})


def mismatched() -> Any:
    """A model that has forgotten what the key of seals is."""

    class Envelope(Model):
        seal = reference("people.Seal")

        class Meta:
            app_label = "letters"

        def __str__(self) -> str:
            return f"{self.pk}"

    return Envelope


def main() -> None:
    afar = Afar()
    ports.use_transport(afar)
    call_command("migrate", stdout=StringIO())
    told: dict[str, Any] = {"local": apps.is_installed("tests.chassis.references.people")}
    told["constraints"] = constraints()
    name_people(told["local"])
    call_command("makemigrations", "letters", check=True, dry_run=True, stdout=StringIO())
    for i in (1, 2, 1):
        Letter.objects.create(person_id=i, text=f"to {i}")
    told["names"] = [letter.person.name for letter in Letter.objects.order_by("id")]
    afar.calls = 0
    letters = list(Letter.objects.order_by("id").prefetch_related("person", "copy"))
    told["prefetched"] = [letter.person.name for letter in letters]
    told["calls"] = afar.calls
    told["none"] = letters[0].copy
    letters[0].copy = letters[1].person
    told["assigned"] = letters[0].copy_id
    told["misassigned"] = attempt(lambda: setattr(letters[0], "copy", 5))
    NAMES[1] = "Countess"
    name_people(told["local"])
    told["kept"] = letters[2].person.name
    letters[2].refresh_from_db()
    told["refreshed"] = letters[2].person.name
    NAMES[1] = "Ada"
    name_people(told["local"])
    told["filtered"] = Letter.objects.filter(person_id__in=[1]).count()
    told["joined"] = attempt(lambda: Letter.objects.filter(person__name="Ada").count())
    told["selected"] = attempt(lambda: len(Letter.objects.select_related("person")))
    told["serialized"] = Serializer(letters, many=True).data[0]
    form = Serializer(data={"person": 2, "text": "by the API"})
    told["valid"] = form.is_valid()
    created: Any = form.save()
    told["created"] = created.person_id
    told["invalid"] = Serializer(data={"person": "x", "text": "t"}).is_valid()
    told["types"] = types(Parcel)
    told["stamps"] = stamps()
    afar.down = True  # nobody needs to be asked
    told["parcels"] = [
        parcel(person=1, seal=str(SEAL), text="a"),
        parcel(person=1, text="a"),
        parcel(person=2, text="a"),
        parcel(person=1),
        parcel(person=1, text=""),
        parcel(text="b"),
        parcel(person=1, seal="no seal", text="c"),
        parcel(Parcel.objects.get(person_id=2), person=1),
        parcel(Parcel.objects.get(person_id=2), text="b"),
    ]
    afar.down = False
    told["seal"] = Parcel.objects.get(seal=SEAL).seal.id
    told["sealed"] = [p.seal.id for p in Parcel.objects.filter(seal=SEAL).prefetch_related("seal")]
    told["checked"] = [error.msg for error in (*Parcel.check(), *mismatched().check())]
    client = Client()
    staff: Any = User.objects.create_superuser("staff")
    client.force_login(staff)
    told["admin"] = listed(client)
    told["linked"] = linked(client)
    told["edited"] = [error.msg for error in EditedInTheList(Letter, admin.site).check()]
    told["found"] = listed(client, "?q=to+2")
    told["sorted"] = listed(client, "?o=2")
    added = client.post("/admin/letters/letter/add/", {"person": "2", "text": "by staff"})
    told["added"] = [added.status_code, Letter.objects.latest("id").person_id]
    shown = client.get(f"/admin/letters/letter/{letters[0].pk}/change/")
    told["form"] = [shown.status_code, 'name="person"' in shown.content.decode()]
    afar.down = True
    told["admin_down"] = listed(client)
    connection.close()
    sys.stdout.write(json.dumps(told, default=str))
