"""An event as a message: CloudEvents 1.0 in binary mode.

The attributes are AMQP headers `cloudEvents:id`, `cloudEvents:type` and so on (CloudEvents AMQP Protocol
Binding 1.0.2, section 3.1; RabbitMQ's AMQP 0-9-1 headers stand for application properties), `datacontenttype`
is the message's content type, and the body is the data. `cloudEvents:partitionkey` (a documented extension)
is the aggregate. `traceparent` is W3C's header.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from amqp.basic_message import Message

from strangler.chassis.events.event import JSON, PROTOBUF
from strangler.chassis.events.registry import event_class

VERSION = "1.0"
PREFIX = "cloudEvents:"
PERSISTENT = 2
REPLAY = "x-replay"
"""The header of a dead letter that is sent again."""
REASON = "x-reason"


class Unreadable(Exception):
    """A message is no event that this host can read."""


class Arrived(msgspec.Struct, kw_only=True):
    """An event as it came. `payload` is its data as JSON."""

    id: UUID
    source: str
    type: str
    aggregate: str
    time: datetime
    traceparent: str
    payload: str
    replay: bool


def message(
    *,
    id: str,
    source: str,
    type: str,
    aggregate: str,
    time: datetime,
    traceparent: str,
    body: bytes,
    content_type: str = JSON,
    **headers: Any,
) -> Message:
    """The event's message."""
    attributes = {
        "cloudEvents:specversion": VERSION,
        "cloudEvents:id": id,
        "cloudEvents:source": source,
        "cloudEvents:type": type,
        "cloudEvents:time": time.isoformat(),
        "cloudEvents:partitionkey": aggregate,
        "traceparent": traceparent,
        **headers,
    }
    return Message(
        body,
        content_type=content_type,
        delivery_mode=PERSISTENT,
        message_id=id,
        application_headers=attributes,
    )


def source_and_type(headers: dict[str, Any]) -> tuple[str, str]:
    """Whose event it is, and of which type; empty where the message does not say."""
    return str(headers.get(PREFIX + "source", "")), str(headers.get(PREFIX + "type", ""))


def read(headers: dict[str, Any], content_type: str, body: bytes) -> Arrived:
    """The event of a message whose type somebody here handles; raises Unreadable."""
    found = {name.removeprefix(PREFIX): value for name, value in headers.items() if name.startswith(PREFIX)}
    if (version := found.get("specversion")) != VERSION:
        raise Unreadable(f"not a CloudEvent of version {VERSION}: specversion is {version!r}")
    try:
        attributes = msgspec.convert(found, _Attributes, strict=False)
        payload = _payload(attributes.type, content_type, body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from error
    return Arrived(
        id=attributes.id,
        source=attributes.source,
        type=attributes.type,
        aggregate=attributes.partitionkey,
        time=attributes.time,
        traceparent=str(headers.get("traceparent", ""))[:55],
        payload=payload,
        replay=bool(headers.get(REPLAY)),
    )


class _Attributes(msgspec.Struct):
    id: UUID
    source: str
    type: str
    time: datetime
    partitionkey: str


def _payload(event_type: str, content_type: str, body: bytes) -> str:
    kind = event_class(event_type)
    content_type = content_type.partition(";")[0].strip()
    if content_type == JSON:
        event = msgspec.json.decode(body, type=kind, strict=False)
    elif content_type == PROTOBUF:
        from strangler.chassis.events import protobuf

        event = protobuf.decode(kind, body)
    else:
        raise Unreadable(f"its content type is {content_type!r}; known are {JSON} and {PROTOBUF}")
    return msgspec.json.encode(event).decode()
