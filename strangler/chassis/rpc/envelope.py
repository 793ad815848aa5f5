"""What a call and its answer look like as bytes, for one method of a port.

Types come from the contract's annotations, so both sides encode and check by the same declaration (msgspec).
Arguments that equal their default stay away, so that a caller with a newer contract can talk to an older
host; answers may hold fields that the reader does not know yet (Postel's law, within the rules of
`strangler contracts schemas --check`).
"""

import inspect
import typing
from collections.abc import Mapping
from typing import Any

import msgspec

from strangler.chassis.errors import ContractError, DomainUnavailable
from strangler.chassis.ownership import DomainMoved
from strangler.chassis.ports import Method
from strangler.chassis.rpc.errors import (
    CallRefused,
    DeadlinePassed,
    DependencyUnavailable,
    OwnerBusy,
    OwnerUnavailable,
    RemoteFailure,
)

DECLARED, REFUSED, BURIED, MOVED = "declared", "refused", "buried", "moved"
DEADLINE, UNAVAILABLE, BUSY, FAILURE = "deadline", "unavailable", "busy", "failure"
DEPENDENCY = DependencyUnavailable.__name__

encode = msgspec.json.Encoder().encode


class Malformed(ValueError):
    """The bytes are not a call at all."""


class RemoteError(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An answer's error. The first four are Nameko's, so that its own clients understand it too; `kind` says
    what it is to ours, `fields` are those of a declared error or a move, `unknown` whether the work may be
    done."""

    exc_type: str
    exc_path: str = ""
    exc_args: list[str] = []
    value: str = ""
    kind: str = FAILURE
    fields: dict[str, Any] = {}
    unknown: bool = False


class _Call(msgspec.Struct):
    kwargs: msgspec.Raw
    args: list[Any] = []


class _Answer(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: RemoteError | None = None


_calls = msgspec.json.Decoder(_Call)
_answers = msgspec.json.Decoder(_Answer)


def hints(method: Method) -> dict[str, Any]:
    """The resolved annotations of a port's method, `return` among them."""
    return {"return": None, **typing.get_type_hints(method.declaration, include_extras=True)}


def arguments_type(method: Method) -> type[msgspec.Struct]:
    """The method's keyword arguments as a struct: unknown and missing ones do not fit."""
    types = hints(method)
    fields: list[Any] = []
    for name, parameter in method.signature.parameters.items():
        known = types.get(name, Any)
        given = () if parameter.default is inspect.Parameter.empty else (parameter.default,)
        fields.append((name, known, *given))
    return msgspec.defstruct(
        f"{method.name}_arguments",
        fields,
        kw_only=True,
        omit_defaults=True,
        forbid_unknown_fields=True,
    )


class Codec:
    """Encodes and decodes the calls of one method."""

    def __init__(self, domain: str, method: Method) -> None:
        self.domain, self.method = domain, method
        self.arguments = arguments_type(method)
        self.declared = {error.__name__: error for error in method.raises}
        self._arguments = msgspec.json.Decoder(self.arguments)
        self._result: msgspec.json.Decoder[Any] = msgspec.json.Decoder(hints(method)["return"])

    def call(self, arguments: dict[str, Any]) -> bytes:
        """The request's body."""
        return encode({"args": [], "kwargs": self.arguments(**arguments)})

    def read_call(self, body: bytes) -> dict[str, Any]:
        """The keyword arguments; raises Malformed for what is no call, CallRefused for what does not fit."""
        try:
            call = _calls.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed(str(error)) from error
        if call.args:
            raise CallRefused(self.domain, self.method.name, "it takes keyword arguments only")
        try:
            arguments = self._arguments.decode(call.kwargs)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CallRefused(self.domain, self.method.name, f"the arguments do not fit: {error}") from error
        return msgspec.structs.asdict(arguments)

    def answer(self, result: Any) -> bytes:
        """The reply's body of a call that went well."""
        return encode({"result": result, "error": None})

    def failure(self, error: Exception) -> bytes:
        """The reply's body of a call that did not: declared errors by class, others by kind."""
        for cls in type(error).__mro__:
            if isinstance(error, ContractError) and cls in self.method.raises:
                names = cls.fields.__struct_fields__
                fields = {name: value for name, value in error.payload().items() if name in names}
                return refusal(error, kind=DECLARED, fields=fields, name=cls.__name__)
        return refusal(error)

    def read_answer(self, body: bytes) -> Any:
        """What the owner returned; raises the error that it raised."""
        try:
            answer = _answers.decode(body)
            if answer.error is None:
                return self._result.decode(answer.result)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reason = f"the answer does not fit the contract: {error}"
            raise CallRefused(self.domain, self.method.name, reason) from error
        raise self._error(answer.error)

    def _error(self, error: RemoteError) -> Exception:
        declared = self.declared.get(error.exc_type) if error.kind == DECLARED else None
        if declared is not None:
            try:
                return declared.from_payload(error.fields)
            except msgspec.ValidationError as misfit:
                reason = f"its error {error.exc_type} does not fit the contract: {misfit}"
                return CallRefused(self.domain, self.method.name, reason)
        kinds: Mapping[str, type[DomainUnavailable]] = {
            DEADLINE: DeadlinePassed,
            # A kind of its own would be a defect to callers that do not know it yet.
            UNAVAILABLE: DependencyUnavailable if error.exc_type == DEPENDENCY else OwnerUnavailable,
            BUSY: OwnerBusy,
        }
        if error.kind in kinds:
            return kinds[error.kind](self.domain, self.method.name, error.value, unknown=error.unknown)
        if error.kind == MOVED:
            return DomainMoved(self.domain, str(error.fields["owner"]), int(error.fields["epoch"]))
        if error.kind in (REFUSED, BURIED):
            return CallRefused(self.domain, self.method.name, error.value)
        return RemoteFailure(self.domain, self.method.name, f"{error.exc_type}: {error.value}")


def refusal(
    error: Exception, *, kind: str = "", fields: dict[str, Any] | None = None, name: str = ""
) -> bytes:
    """The reply's body of an error that no contract declares."""
    if isinstance(error, CallRefused):
        kind = kind or REFUSED
    elif isinstance(error, DeadlinePassed):
        kind = DEADLINE
    elif isinstance(error, DomainMoved):
        kind, fields = MOVED, {"owner": error.owner, "epoch": error.epoch}
    elif isinstance(error, DomainUnavailable):
        kind = BUSY if error.busy else UNAVAILABLE
    described = RemoteError(
        exc_type=name or type(error).__name__,
        exc_path=f"{type(error).__module__}.{type(error).__name__}",
        exc_args=[str(argument) for argument in error.args],
        value=getattr(error, "reason", "") or str(error),
        kind=kind or FAILURE,
        fields=fields or {},
        unknown=getattr(error, "unknown", False),
    )
    return encode({"result": None, "error": described})


def error_of(body: bytes) -> RemoteError | None:
    """The error that an answer tells of, if it does."""
    return _answers.decode(body).error


_codecs: dict[Any, Codec] = {}


def codec(domain: str, method: Method) -> Codec:
    """The codec of a port's method, made once."""
    found = _codecs.get(method.declaration)
    if found is None:
        found = _codecs[method.declaration] = Codec(domain, method)
    return found
