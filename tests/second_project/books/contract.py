"""What the others may ask of books."""

import msgspec

from strangler.chassis.ports import Port, query


class Book(msgspec.Struct, frozen=True):
    """A book as the others see it."""

    id: int
    title: str
    pages: int
    authors: list[str]


class Books(Port):
    domain = "books"
    resolves = {"Book": "books"}

    @query
    def books(self, *, ids: list[int]) -> dict[int, Book]:
        """These books; unknown ones are left out."""


books = Books()
