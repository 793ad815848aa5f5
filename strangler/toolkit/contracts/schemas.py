"""A contract's promise as one JSON document: its methods, declared errors and events as JSON Schemas.

The *golden* document lies in `schemas/` beside the contract's module and is part of the repository, so that a
change of the code that changes the promise shows in the diff.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from strangler.chassis.errors import ContractError
from strangler.chassis.events import protobuf
from strangler.chassis.events.event import PROTOBUF, Event
from strangler.chassis.ports import Port
from strangler.chassis.rpc.envelope import arguments_type, hints
from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.plan.model import Plan

Document = dict[str, Any]


class NoPort(ToolkitError):
    """A contract's module exports no port of its domain."""


def contract_module(plan: Plan, domain: str, *, root: Path) -> ModuleType:
    """The domain's contract, imported from the plan's sources."""
    for source in plan.sources:
        if (path := str((root / source).resolve())) not in sys.path:
            sys.path.insert(0, path)
    return import_module(plan.domains[domain].contract)


def golden(module: ModuleType, domain: str) -> Path:
    """Where the contract's golden document is, or will be."""
    return Path(module.__file__ or "").parent / "schemas" / f"{domain}.json"


def document(module: ModuleType, domain: str) -> Document:
    """What the contract promises now; raises NoPort."""
    port = next((v for v in vars(module).values() if isinstance(v, Port) and v.domain == domain), None)
    if port is None:
        raise NoPort(f"{module.__name__} exports no port whose domain is {domain!r}.")
    methods = port.methods
    errors = {error.__name__: error for method in methods.values() for error in method.raises}
    events = {event.TYPE: event for event in events_of(module)}
    types: list[Any] = []
    for method in methods.values():
        types += [arguments_type(method), hints(method)["return"]]
    types += [error.fields for error in errors.values()]
    types += list(events.values())
    schemas, definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    found = iter(schemas)
    return {
        "domain": domain,
        "methods": {
            name: {
                "kind": method.kind,
                "arguments": next(found),
                "result": next(found),
                "errors": sorted(error.__name__ for error in method.raises),
            }
            for name, method in methods.items()
        },
        "errors": {name: _error(error, next(found)) for name, error in errors.items()},
        "events": {name: _event(event, next(found)) for name, event in events.items()},
        "$defs": dict(sorted(definitions.items())),
    }


def text(promised: Document) -> str:
    """The document as it lies in the repository."""
    return msgspec.json.format(msgspec.json.encode(promised), indent=2).decode() + "\n"


def read(path: Path) -> Document | None:
    """A golden document, None where there is none yet."""
    return msgspec.json.decode(path.read_bytes()) if path.exists() else None


def events_of(module: ModuleType) -> list[type[Event]]:
    """The events that the contract declares."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Event) and value.__module__ == module.__name__
    ]


def _event(event: type[Event], data: Document) -> Document:
    described: Document = {"key": event.KEY, "data": data}
    if event.CONTENT_TYPE == PROTOBUF:
        described["protobuf"] = protobuf.described(event)
    return described


def _error(error: type[ContractError], fields: Document) -> Document:
    return {"code": error.code, "status": error.status, "fields": fields}
