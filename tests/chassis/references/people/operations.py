"""What people do."""

from typing import Any

from tests.chassis.references import contract
from tests.chassis.references.people import models


def persons(*, ids: list[int]) -> dict[int, contract.Person]:
    person: Any = models.Person  # mypy knows one project's models, and this is another's
    return {p.pk: contract.Person(id=p.pk, name=p.name) for p in person.objects.filter(id__in=ids)}
