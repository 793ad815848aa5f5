"""People, and the letters that refer to them."""

from uuid import UUID

import msgspec

from strangler.chassis.ports import Port, query


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody."""

    id: int
    name: str

    def __str__(self) -> str:
        return self.name


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody seals letters with."""

    id: UUID


class People(Port):
    """The port of the people."""

    domain = "people"
    resolves = {"Person": "persons", "Seal": "seals"}

    @query
    def persons(self, *, ids: list[int]) -> dict[int, Person]:
        """These people by id."""

    @query
    def seals(self, *, ids: list[UUID]) -> dict[UUID, Seal]:
        """These seals by id."""


class Letters(Port):
    """The port of the letters."""

    domain = "letters"


people = People()
letters = Letters()
