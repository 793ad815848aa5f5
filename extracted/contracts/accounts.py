"""Accounts: who the customers are and where they live."""

from typing import Any

import msgspec

from strangler.chassis.errors import ContractError
from strangler.chassis.ports import Port, query


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A customer or member of staff."""

    id: int
    email: str
    name: str
    is_staff: bool


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A postal address; `country` is ISO 3166-1 alpha-2."""

    id: int
    name: str
    street: str
    city: str
    postcode: str
    country: str


class AddressNotFound(ContractError):
    """No such address of yours."""

    code = "does_not_exist"
    status = 400
    address: int

    def details(self) -> list[tuple[str, str | None]]:
        return [(self.message, "address")]


class Accounts(Port):
    """The port of those who come to the shop."""

    domain = "accounts"
    resolves = {"User": "users"}

    @query(batched=True)
    def users(self, *, ids: list[int]) -> dict[int, User]:
        """These users by id; unknown ids are left out."""

    @query(raises=[AddressNotFound])
    def address(self, *, user: int, address: int) -> Address:
        """One of the user's own addresses."""

    @query
    def jwks(self) -> dict[str, Any]:
        """The public keys that access tokens are signed with, as a JSON Web Key Set (RFC 7517)."""


accounts = Accounts()
