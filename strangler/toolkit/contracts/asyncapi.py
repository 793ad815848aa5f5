"""The events of all contracts as one AsyncAPI 3.0 document, for those who listen with tools of their own.

It is kept beside the golden schemas, which say whether a change breaks anybody; this one only has to be up to
date.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from strangler.chassis.events import envelope, protobuf, topology
from strangler.chassis.events.event import JSON, PROTOBUF, Event
from strangler.toolkit.contracts.schemas import Document, contract_module, events_of, golden
from strangler.toolkit.plan.model import Plan

VERSION = "3.0.0"
NAME = "asyncapi.json"
HEADERS = "CloudEvent"
DESCRIPTION = (
    "What happened, told once it is certain. CloudEvents 1.0 in binary mode over AMQP 0-9-1; at least once, "
    "in order for each partition key."
)
REFERENCE = "#/components/schemas/{name}"
PROTO_FORMAT = "application/vnd.google.protobuf;version=2"


def document(plan: Plan, *, root: Path) -> Document:
    """The document of the plan's contracts, as they are now."""
    modules = {domain: contract_module(plan, domain, root=root) for domain in plan.domains}
    owners = {event: domain for domain, module in modules.items() for event in events_of(module)}
    events = sorted(owners, key=lambda event: event.TYPE)
    payloads, definitions = _payloads(events)
    return {
        "asyncapi": VERSION,
        "info": {
            "title": f"{plan.name}: events",
            "version": "1.0.0",
            "description": DESCRIPTION,
        },
        "defaultContentType": JSON,
        "channels": {event.TYPE: _channel(event) for event in events},
        "operations": {f"publish.{event.TYPE}": _operation(event, owners[event]) for event in events},
        "components": {
            "messages": {
                event.__name__: _message(event, payload)
                for event, payload in zip(events, payloads, strict=True)
            },
            "schemas": {HEADERS: _headers(), **definitions},
        },
    }


def place(plan: Plan, *, root: Path) -> Path:
    """Where the document lies: with the golden schemas."""
    domain = next(iter(plan.domains))
    return golden(contract_module(plan, domain, root=root), domain).with_name(NAME)


def _payloads(events: Sequence[type[Event]]) -> tuple[list[Document], Document]:
    schemas, definitions = msgspec.json.schema_components(events, ref_template=REFERENCE)
    payloads: list[Document] = []
    for event, schema in zip(events, schemas, strict=True):
        if event.CONTENT_TYPE == PROTOBUF:
            payloads.append({"schemaFormat": PROTO_FORMAT, "schema": protobuf.source(event)})
        else:
            payloads.append(schema)
    return payloads, dict(sorted(definitions.items()))


def _channel(event: type[Event]) -> Document:
    exchange = {"name": topology.EXCHANGE, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": event.TYPE,
        "title": event.__name__,
        "description": _told(event),
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _operation(event: type[Event], domain: str) -> Document:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{event.TYPE}"},
        "title": f"{domain} publishes {event.__name__}",
        "messages": [{"$ref": f"#/channels/{event.TYPE}/messages/{event.__name__}"}],
    }


def _message(event: type[Event], payload: Document) -> Document:
    return {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": _told(event),
        "contentType": event.CONTENT_TYPE,
        "headers": {"$ref": REFERENCE.format(name=HEADERS)},
        "payload": payload,
        "x-partition-key": event.KEY,
    }


def _headers() -> Document:
    text = {"type": "string"}
    attributes: dict[str, Any] = {
        "specversion": {"const": envelope.VERSION},
        "id": {**text, "format": "uuid", "description": "Of the event; it comes again with the same."},
        "source": {**text, "description": "The host that published it."},
        "type": {**text, "description": "Of the event; the routing key."},
        "time": {**text, "format": "date-time"},
        "partitionkey": {**text, "description": "Of the aggregate; events of one come in order."},
    }
    return {
        "type": "object",
        "description": "CloudEvents attributes as AMQP headers, with W3C's traceparent.",
        "properties": {
            **{f"{envelope.PREFIX}{name}": schema for name, schema in attributes.items()},
            "traceparent": text,
        },
        "required": [f"{envelope.PREFIX}{name}" for name in attributes],
    }


def _told(event: type[Event]) -> str:
    return (event.__doc__ or "").strip().partition("\n")[0]
