"""The chassis's own errors, and the base of every error that a contract declares."""

import inspect
from typing import Any, ClassVar

import msgspec


class ChassisError(Exception):
    """Base of every error that the chassis raises for a mistake in how it is used or configured."""


class DomainUnavailable(ChassisError):
    """A domain's owner cannot be asked now; HTTP callers get 503 with Retry-After.

    Nothing was done, unless `unknown`: then the call may have had its effect, and who sent a write gets 502
    `outcome_unknown`. `busy`: others hold the rows.
    """

    busy: ClassVar[bool] = False

    def __init__(self, domain: str, method: str, reason: str, *, unknown: bool = False) -> None:
        super().__init__(f"{domain}.{method}: {reason}")
        self.domain, self.method, self.reason, self.unknown = domain, method, reason, unknown


class ContractError(Exception):
    """Base of the errors that a contract declares.

    A subclass states its stable `code`, the HTTP `status` that it becomes at the edge, and its
    fields as annotations; its docstring is the message. Fields are keyword arguments, and survive
    a trip over RPC:

        class AddressNotFound(ContractError):
            "No such address."

            code = "address_not_found"
            status = 404
            address: int
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 409
    fields: ClassVar[type[msgspec.Struct]]

    def __init_subclass__(cls) -> None:
        annotations = inspect.get_annotations(cls, eval_str=True)
        inherited = getattr(cls, "fields", None)
        fields = [(n, t) for n, t in annotations.items() if n not in ("code", "status", "fields")]
        bases = (inherited,) if inherited else None
        cls.fields = msgspec.defstruct(cls.__name__, fields, bases=bases, kw_only=True, frozen=True)

    def __init__(self, **fields: Any) -> None:
        values = type(self).fields(**fields)
        for name in values.__struct_fields__:
            setattr(self, name, getattr(values, name))
        super().__init__(self.message)

    @property
    def message(self) -> str:
        return (inspect.getdoc(type(self)) or self.code).strip().splitlines()[0]

    def details(self) -> list[tuple[str, str | None]]:
        """What to tell the client: (detail, attribute or None) pairs, at least one."""
        return [(self.message, None)]

    def payload(self) -> dict[str, Any]:
        """The fields as JSON-compatible values, for the wire."""
        names = type(self).fields.__struct_fields__
        values: dict[str, Any] = msgspec.to_builtins({name: getattr(self, name) for name in names})
        return values

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> "ContractError":
        """The error that `payload` came from; raises msgspec.ValidationError if it does not fit."""
        values = msgspec.convert(payload, cls.fields, strict=False)
        return cls(**msgspec.structs.asdict(values))
