"""Inventory: how many pieces there are, and for whom they are held."""

import msgspec

from strangler.chassis.errors import ContractError
from strangler.chassis.ports import Port, command, query


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces of one product. `available` = `on_hand` - `reserved`."""

    product: int
    on_hand: int
    reserved: int
    available: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a product."""

    product: int
    quantity: int


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """A line that cannot be filled."""

    product: int
    requested: int
    available: int


class InsufficientStock(ContractError):
    """Not enough pieces in stock."""

    code = "insufficient_stock"
    status = 409
    lines: list[Shortage]

    def details(self) -> list[tuple[str, str | None]]:
        return [
            (f"{line.requested} asked for, {line.available} available.", f"lines.{line.product}")
            for line in self.lines
        ]


class Inventory(Port):
    """The port of the stock."""

    domain = "inventory"

    @query(batched=True)
    def stock(self, *, products: list[int]) -> dict[int, Stock]:
        """Stock figures of these products; products without stock records are left out."""

    @command(raises=[InsufficientStock])
    def reserve(self, *, order: str, lines: list[Line], key: str) -> None:
        """Hold pieces for an order: all lines or none. Repeating it for the same order is harmless."""

    @command
    def commit(self, *, order: str, key: str) -> None:
        """The order is paid: its held pieces leave the stock."""

    @command
    def release(self, *, order: str, key: str) -> None:
        """The order is off: held pieces become available again, taken ones return to the stock."""


inventory = Inventory()
