"""What people do."""

from typing import Any
from uuid import UUID

from tests.chassis.references import contract
from tests.chassis.references.people import models

# mypy knows one project's models, and these are another's.
Person: Any = models.Person
Seal: Any = models.Seal


def persons(*, ids: list[int]) -> dict[int, contract.Person]:
    return {p.pk: contract.Person(id=p.pk, name=p.name) for p in Person.objects.filter(id__in=ids)}


def seals(*, ids: list[UUID]) -> dict[UUID, contract.Seal]:
    return {seal.pk: contract.Seal(id=seal.pk) for seal in Seal.objects.filter(id__in=ids)}
