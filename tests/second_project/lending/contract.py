"""What the others may ask of lending."""

from strangler.chassis.ports import Port, query


class Lending(Port):
    domain = "lending"

    @query
    def loans(self, *, book: int) -> int:
        """How often the book was lent."""


lending = Lending()
