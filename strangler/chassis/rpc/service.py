"""A Nameko service made from a contract: a method for each of the port's, answering in the wire's terms."""

import logging
from collections.abc import Mapping
from typing import Any

from django.db import InterfaceError, OperationalError
from opentelemetry import trace

from strangler.chassis import ownership
from strangler.chassis.errors import ContractError, DomainUnavailable
from strangler.chassis.ownership import DomainMoved
from strangler.chassis.ports import Method, Port
from strangler.chassis.postgres import LOCKED
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.consumer import Entrypoint, not_begun
from strangler.chassis.rpc.envelope import Codec, codec
from strangler.chassis.rpc.errors import DeadlinePassed, DependencyUnavailable, OwnerBusy, OwnerUnavailable
from strangler.chassis.rpc.providers import Connections, Deadline, Headers, Tracing

log = logging.getLogger(__name__)


def service(port: type[Port], *, host: str) -> type:
    """The Nameko service `<host>.<domain>` that carries the port's calls to this process's own code."""
    namespace: dict[str, Any] = {
        "name": f"{host}.{port.domain}",
        "__doc__": port.__doc__,
        # Nameko sets them up in the order of their names' hash: none may need another.
        "headers": Headers(),
        "deadline": Deadline(),
        "connections": Connections(),
        "tracing": Tracing(),
    }
    instance = port()
    for method in port.methods.values():
        coding = codec(port.domain, method)
        namespace[method.name] = Entrypoint.decorator(coding)(_answering(instance, coding))
    return type(port.__name__, (), namespace)


def _answering(port: Port, coding: Codec) -> Any:
    name = coding.method.name

    def answer(self: Any, **arguments: Any) -> bytes:
        if deadline.passed():  # while it waited for a free worker
            return coding.failure(not_begun(port.domain, name, self.headers))
        try:
            return coding.answer(_owned(port, coding.method, arguments, self.headers))
        except Exception as error:  # noqa: BLE001 - the caller gets it
            return coding.failure(_told(coding, error))

    answer.__name__ = name
    answer.__doc__ = coding.method.declaration.__doc__ if coding.method.declaration else None
    return answer


def _owned(port: Port, method: Method, arguments: dict[str, Any], headers: Mapping[str, Any]) -> Any:
    """What the domain's own code returns, if this host owns the domain or takes it over now; raises
    DomainMoved. This host asks no other: the caller does."""
    domain = port.domain
    if method.kind == "query" and headers.get("shadow"):
        return port.here(method, arguments)
    epoch = int(headers.get("epoch", 0))
    if method.kind == "query" and ownership.moved_away(domain):
        # The fence guards writes; stale reads only this.
        known = DomainMoved(domain, ownership.owner_of(domain), ownership.epoch_of(domain))
        if epoch <= known.epoch or not ownership.adopt(domain, epoch):
            raise known
    try:
        result = port.here(method, arguments)
    except DomainMoved as moved:
        if moved.domain != domain or epoch <= moved.epoch or not ownership.adopt(domain, epoch):
            raise
        return port.here(method, arguments)
    port.sample(method, arguments)
    return result


def _told(coding: Codec, error: Exception) -> Exception:
    """The error as the caller is to see it; a defect of ours is logged here, under the call's trace."""
    if isinstance(error, coding.method.raises):
        return error
    domain, name = coding.domain, coding.method.name
    # It was begun, may have several transactions, and a commit that failed may have been one.
    unknown = coding.method.kind == "command"
    if isinstance(error, OperationalError | InterfaceError):
        if deadline.passed():
            reason = "the deadline passed while it was under way"
            return DeadlinePassed(domain, name, reason, unknown=unknown)
        log.warning("%s.%s: the database refused: %s", domain, name, error)
        if isinstance(error.__cause__, LOCKED):
            return OwnerBusy(domain, name, "others hold the rows that it needs", unknown=unknown)
        reason = f"its database refused: {type(error.__cause__ or error).__name__}"
        return OwnerUnavailable(domain, name, reason, unknown=unknown)
    if isinstance(error, DomainUnavailable):
        log.warning("%s.%s: %s", domain, name, error)
        return DependencyUnavailable(domain, name, f"it needs {error}", unknown=unknown)
    if isinstance(error, DomainMoved):
        moved = DependencyUnavailable(domain, name, f"{error} while it ran", unknown=unknown)
        return error if error.domain == domain else moved
    trace.get_current_span().record_exception(error)
    undeclared = " (not declared by the contract)" if isinstance(error, ContractError) else ""
    log.error("%s.%s failed%s", domain, name, undeclared, exc_info=error)
    return error
