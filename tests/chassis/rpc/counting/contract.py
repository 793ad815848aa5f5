"""A contract of its own, for what the chassis promises: it counts, fails, and takes its time."""

from decimal import Decimal

import msgspec

from strangler.chassis.errors import ContractError
from strangler.chassis.ports import Port, command, query


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How often a name was counted. `weight` is there for its type."""

    name: str
    times: int
    weight: Decimal


class TooMany(ContractError):
    """That would be too many."""

    code = "too_many"
    name: str
    limit: int


class Counting(Port):
    """The port of a counter."""

    domain = "counting"
    resolves = {"Count": "tallies"}

    @query
    def counts(self, *, ids: list[int], prefix: str = "") -> dict[int, Count]:
        """Made up from the ids."""

    @query
    def tallies(self, *, ids: list[int]) -> dict[int, Count]:
        """Like counts, for references."""

    @query(last_known=60.0)
    def kept(self, *, ids: list[int]) -> dict[int, Count]:
        """Like counts, of the even ids only; a caller may go on with what it was told a minute ago."""

    @query(batched=True)
    def together(self, *, ids: list[int]) -> dict[int, int]:
        """The even ids, each with how many ids its call asked for."""

    @query(fallback=lambda *, name: -1)
    def times(self, *, name: str) -> int:
        """How often `name` was counted; -1 where nobody knows."""

    @query(raises=[TooMany])
    def limit(self, *, name: str, limit: int) -> None:
        """Raises TooMany."""

    @query
    def echo(self, *, text: str) -> str:
        """The text."""

    @query
    def broken(self) -> None:
        """Fails with an error that is not declared."""

    @query
    def patience(self, *, seconds: float) -> float:
        """Waits in the database, and says how long it was told to."""

    @query
    def rest(self, *, seconds: float) -> float:
        """Waits for nothing, in between statements, then asks the database."""

    @query
    def budget(self) -> float:
        """The seconds that are left of the caller's deadline."""

    @query
    def relayed(self, *, seconds: float) -> float:
        """The `budget` that another service would have: a remote call from within one, bounded so."""

    @query
    def needy(self) -> float:
        """The `budget` that a service would have which nobody serves."""

    @query
    def trace(self) -> str:
        """The id of the trace that the call belongs to."""

    @command
    def count(self, *, name: str, key: str) -> int:
        """Count `name` once for each key."""

    @query
    def held(self, *, key: str) -> None:
        """Wants the row, and does not wait for it."""

    @command
    def count_slowly(self, *, name: str, gate: str, key: str) -> int:
        """Count, but not before the file `gate` is there."""

    @command
    def count_late(self, *, name: str, seconds: float, key: str) -> int:
        """Count, dawdle in the same transaction, and commit."""

    @command
    def die(self, *, key: str) -> None:
        """Ends its process in the middle of the call."""


counting = Counting()
