"""OTLP/HTTP export requests, binary or JSON, as spans (OpenTelemetry protocol 1.x)."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from strangler.toolkit.traces.store import Span

ERROR_STATUS = 2


def decode(body: bytes, content_type: str) -> list[Span]:
    """The spans of a request; raises ValueError if it is not one."""
    try:
        if content_type.startswith("application/json"):
            request = ParseDict(
                _with_base64_ids(json.loads(body)), ExportTraceServiceRequest(), ignore_unknown_fields=True
            )
        else:
            request = ExportTraceServiceRequest.FromString(body)
    except Exception as error:
        raise ValueError(f"not an OTLP trace export: {error}") from error
    return list(_spans(request))


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = next(
            (a.value.string_value for a in resource.resource.attributes if a.key == "service.name"), "?"
        )
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    trace=span.trace_id.hex(),
                    span=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    service=service,
                    name=span.name,
                    kind=span.kind,
                    start=span.start_time_unix_nano,
                    finish=span.end_time_unix_nano,
                    error=span.status.code == ERROR_STATUS,
                    attributes={a.key: _value(a.value) for a in span.attributes},
                )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return (
        getattr(value, kind) if kind in ("string_value", "int_value", "double_value", "bool_value") else None
    )


def _with_base64_ids(document: dict[str, Any]) -> dict[str, Any]:
    """OTLP's JSON writes ids in hex, Protobuf's own JSON mapping expects base64."""
    for resource in document.get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                for name in ("traceId", "spanId", "parentSpanId"):
                    if span.get(name):
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return document
