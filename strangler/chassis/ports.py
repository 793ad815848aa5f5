"""Ports: the only way from one domain into another.

A contract declares its domain's port as a class of marked methods and exports one instance of it:

    class Inventory(Port):
        domain = "inventory"

        @query
        def stock(self, *, products: list[int]) -> dict[int, Stock]:
            "Stock figures of these products; unknown products are left out."

        @command(raises=[InsufficientStock])
        def reserve(self, *, order: str, lines: list[Line], key: str) -> None:
            "Hold these pieces for the order."

    inventory = Inventory()

A caller writes `inventory.reserve(order=..., lines=..., key=...)` and does not know where the domain
lives. Where this process hosts it and its host owns it, the call is a plain function call into the
domain's `operations` module, in the caller's transaction. Where not, the transport asks the owner.

The shape follows "ports and adapters" (Cockburn, 2005); one interface with a mode chosen in one
place follows Sentry's hybrid cloud RPC services.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from types import ModuleType
from typing import Any, ClassVar, Literal, ParamSpec, Protocol, TypeVar, overload

from strangler.chassis import ownership
from strangler.chassis.errors import ChassisError, ContractError
from strangler.chassis.ownership import DomainMoved

P = ParamSpec("P")
R = TypeVar("R")
Kind = Literal["query", "command"]

MOST_MOVES = 3
"""How many domains may move away under one call before it is given up."""


class DomainNotHosted(ChassisError):
    """A port was called for a domain that this process neither hosts nor has a transport for."""


class PortMismatch(ChassisError):
    """A domain's operations do not implement its contract."""


@dataclass(frozen=True)
class Method:
    """One method of a port: its mark, its signature, the errors it declares, and what answers for its owner.

    `fallback`, of queries only, gets the call's keyword arguments and answers when the owner is
    out of reach. `last_known`, of queries by `ids`, is how many seconds an answer may be old that is
    given then; 0 for none. `batched`, of queries by keys: those made at once are asked as one.
    `declaration` is the function as the contract wrote it, with its annotations.
    """

    name: str
    kind: Kind
    signature: inspect.Signature
    raises: tuple[type[ContractError], ...] = ()
    fallback: Callable[..., Any] | None = field(default=None, compare=False)
    last_known: float = 0.0
    batched: bool = False
    declaration: Callable[..., Any] | None = field(default=None, compare=False, repr=False)


class Transport(Protocol):
    """Carries a port's calls to the host that owns the domain."""

    def call(self, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        """Return what the owner returned, or raise the declared error that it raised; DomainMoved where the
        owner turns out to be this host."""

    def shadow(self, host: str, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        """What `host` answers to a query, whoever owns the domain."""


_implementations: dict[str, ModuleType] = {}
_ports: dict[str, "type[Port]"] = {}
_transport: Transport | None = None


def bind(domain: str, implementation: ModuleType) -> None:
    """Say that this process hosts `domain`; called once, when Django's app registry is ready."""
    _implementations[domain] = implementation
    ownership.hosting(domain)


def use_transport(transport: Transport | None) -> None:
    """Set what carries the calls for domains that other hosts own."""
    global _transport
    _transport = transport


def transport() -> Transport | None:
    """What carries the calls for domains that other hosts own."""
    return _transport


def operation(domain: str, method: Method) -> Callable[..., Any]:
    """The domain's own code behind a method, in a process that hosts it."""
    found: Callable[..., Any] = getattr(_implementations[domain], method.name)
    return found


def hosted(domain: str) -> bool:
    """Whether this process runs the domain's own code."""
    return domain in _implementations


def declared(domain: str) -> bool:
    """Whether the domain's contract has been imported in this process."""
    return domain in _ports


def resolver(domain: str, model: str) -> Callable[[list[int]], dict[int, Any]] | None:
    """What fetches these rows of a domain by id, if its contract is known here and says how."""
    port = _ports.get(domain)
    if port is None or model not in port.resolves:
        return None
    return lambda ids: getattr(port(), port.resolves[model])(ids=ids)


class Port:
    """Base of every contract's interface. Subclasses set `domain` and declare marked methods.

    `resolves` says which query answers for references to which of the domain's models: {"Product":
    "products"} for a query that takes `ids` and gives DTOs by id.
    """

    domain: ClassVar[str]
    methods: ClassVar[dict[str, Method]]
    resolves: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        marked = {name: value for name, value in vars(cls).items() if hasattr(value, "port_method")}
        cls.methods = {name: value.port_method for name, value in marked.items()}
        for model, name in cls.resolves.items():
            found = cls.methods.get(name)
            if found is None or found.kind != "query" or [*found.signature.parameters] != ["ids"]:
                raise PortMismatch(
                    f"{cls.__qualname__}: {model} is resolved by a query `{name}(self, *, ids)`."
                )
        _ports.setdefault(getattr(cls, "domain", ""), cls)

    def _call(self, method: Method, arguments: dict[str, Any]) -> Any:
        implementation = _implementations.get(self.domain)
        if implementation is None:
            return self._afar(method, arguments)
        if ownership.moved_away(self.domain) and _transport is not None:
            try:
                return self._afar(method, arguments)
            except DomainMoved:  # back here
                return self.here(method, arguments)
        try:
            result = self.here(method, arguments)
        except DomainMoved as moved:
            if moved.domain != self.domain or _transport is None or ownership.in_transaction():
                raise
            return self._afar(method, arguments)
        if ownership.any_shadowing():
            self.sample(method, arguments)
        return result

    def sample(self, method: Method, arguments: dict[str, Any]) -> None:
        """Ask the domain's next host the same, at times, to compare (`shadow`)."""
        if method.kind == "query" and ownership.shadowing(self.domain) is not None:
            from strangler.chassis import shadow

            shadow.sample(self.domain, method, arguments)

    def here(self, method: Method, arguments: dict[str, Any]) -> Any:
        """Run the domain's own code in this process; raises DomainMoved where the fence refuses.

        Another domain that moved while it ran is asked where it is now, by doing the whole again: nothing
        was done, and it has its key.
        """
        work = operation(self.domain, method)
        for _ in range(MOST_MOVES):
            try:
                return work(**arguments)
            except Exception as error:
                moved = ownership.moved(error)
                if moved is None:
                    raise
                ownership.learn(moved.domain, moved.owner, moved.epoch)
                if moved.domain == self.domain or ownership.in_transaction():
                    raise moved from (None if error is moved else error)
                again = moved
        raise again

    def _afar(self, method: Method, arguments: dict[str, Any]) -> Any:
        if _transport is None:
            raise DomainNotHosted(
                f"{self.domain}.{method.name} was called, but this process does not host "
                f"{self.domain} and has no transport. Add the domain to INSTALLED_APPS, or set BROKER_URL "
                "so that its owner can be asked."
            )
        return _transport.call(self.domain, method, arguments)


def _marked(
    function: Callable[P, R],
    kind: Kind,
    raises: Sequence[type[ContractError]],
    fallback: Callable[..., Any] | None,
    last_known: float = 0.0,
    batched: bool = False,
) -> Callable[P, R]:
    signature = inspect.signature(function)
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    where = f"{function.__qualname__}"
    if any(p.kind is not inspect.Parameter.KEYWORD_ONLY for p in parameters):
        raise PortMismatch(f"{where}: port methods take keyword-only parameters; write `self, *, …`.")
    if kind == "command" and "key" not in signature.parameters:
        raise PortMismatch(f"{where}: a command carries an idempotency key; add `key: str`.")
    if last_known and [*signature.parameters][1:] != ["ids"]:
        raise PortMismatch(f"{where}: what is last known is known by id; take `ids` and give answers by id.")
    if batched and len(parameters) != 1:
        raise PortMismatch(f"{where}: a batched query takes a list of keys alone and gives answers by key.")
    method = Method(
        name=function.__name__,
        kind=kind,
        signature=signature.replace(parameters=parameters),
        raises=tuple(raises),
        fallback=fallback,
        last_known=last_known,
        batched=batched,
        declaration=function,
    )

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        port = args[0]
        assert isinstance(port, Port)
        result: R = port._call(method, dict(kwargs))
        return result

    call.port_method = method  # type: ignore[attr-defined]
    return call


@overload
def query(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def query(
    *,
    raises: Sequence[type[ContractError]] = (),
    fallback: Callable[..., Any] | None = None,
    last_known: float = 0.0,
    batched: bool = False,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def query(
    function: Callable[P, R] | None = None,
    /,
    *,
    raises: Sequence[type[ContractError]] = (),
    fallback: Callable[..., Any] | None = None,
    last_known: float = 0.0,
    batched: bool = False,
) -> Any:
    """Mark a method that changes nothing: safe to retry, to shadow and to canary.

    A `batched` one takes a list of keys alone and gives a dict by key; a process's calls that are made at the
    same time are asked as one.

    While its owner is out of reach, `fallback` answers, or what the owner answered to this process at most
    `last_known` seconds ago, if that is known of all the ids that are asked for.
    """
    if function is not None:
        return _marked(function, "query", raises, fallback)
    return lambda f: _marked(f, "query", raises, fallback, last_known, batched)


@overload
def command(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def command(*, raises: Sequence[type[ContractError]] = ()) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def command(function: Callable[P, R] | None = None, /, *, raises: Sequence[type[ContractError]] = ()) -> Any:
    """Mark a method that changes state: fenced, and idempotent by its `key`."""
    if function is not None:
        return _marked(function, "command", raises, None)
    return lambda f: _marked(f, "command", raises, None)


def check_implementation(port: type[Port], implementation: ModuleType) -> None:
    """Raise PortMismatch unless every method of the port has an operation of the same signature."""
    for method in port.methods.values():
        operation = getattr(implementation, method.name, None)
        where = f"{implementation.__name__}.{method.name}"
        if operation is None:
            raise PortMismatch(f"{where} is missing: {port.__qualname__} declares it.")
        actual = inspect.signature(operation)
        if actual != method.signature:
            raise PortMismatch(f"{where}{actual} differs from the contract's {method.signature}.")
