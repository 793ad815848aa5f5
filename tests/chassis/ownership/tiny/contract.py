"""Two domains of a tiny project: a ledger of amounts, and a desk that writes into it."""

import msgspec

from strangler.chassis.errors import ContractError
from strangler.chassis.ports import Port, command, query


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An amount that was noted once."""

    id: int
    key: str
    amount: int


class TooMuch(ContractError):
    """Nobody may note that much."""

    code = "too_much"
    status = 409


class Ledger(Port):
    """The port of the amounts."""

    domain = "ledger"
    resolves = {"Entry": "entries"}

    @query
    def entries(self, *, ids: list[int]) -> dict[int, Entry]:
        """These entries by id; unknown ids are left out."""

    @query(raises=[TooMuch])
    def total(self, *, most: int) -> int:
        """The sum of all amounts; TooMuch beyond `most`."""

    @command(raises=[TooMuch])
    def note(self, *, key: str, amount: int) -> int:
        """The id of the entry, which is made once for each key."""


class Desk(Port):
    """The port of those who note."""

    domain = "desk"

    @command(raises=[TooMuch])
    def visit(self, *, key: str, amount: int) -> int:
        """A visit and its entry in the ledger, in one transaction where that is possible; the entry's id."""


ledger = Ledger()
desk = Desk()
