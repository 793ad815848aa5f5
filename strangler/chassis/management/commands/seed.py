"""`manage.py seed`: the data that every domain hosted here starts with."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import connection

from strangler.chassis import ownership
from strangler.chassis.domains import DomainConfig
from strangler.chassis.ownership import fence


class Command(BaseCommand):
    """Calls `seed()` of each hosted domain that has a `seed` module, in the order of INSTALLED_APPS.

    Seeds are the same every time, and running them again, under traffic too, changes nothing. A domain that
    another host owns is left out.
    """

    requires_system_checks: list[str] = []
    help = "Create each hosted domain's first data, where it is missing."

    def handle(self, *arguments: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            fence.read(cursor)
        for domain in apps.get_app_configs():
            if isinstance(domain, DomainConfig) and find_spec(f"{domain.name}.seed"):
                if not ownership.owned_here(domain.label):
                    self.stdout.write(f"{domain.label}: belongs to {ownership.owner_of(domain.label)}")
                    continue
                self.stdout.write(f"{domain.label}: {import_module(f'{domain.name}.seed').seed()}")
