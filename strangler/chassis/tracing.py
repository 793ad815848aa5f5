"""Traces: OpenTelemetry, sent by OTLP over HTTP, from the gateway's span to the SQL statement's.

`start()` once in every process that serves (after a fork, in the child). Without an endpoint it does
nothing, and nothing is measured. Sampling follows the caller's decision (W3C trace context), and where
there is none, the ratio that is configured at that moment.
"""

import logging
from typing import Any

import requests
from django.db.backends.signals import connection_created
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from strangler.chassis.config import current

tracer = trace.get_tracer(__name__)

FLUSH_MILLISECONDS = 2000
EXPORT_SECONDS = 2


def start() -> bool:
    """Begin tracing this process; whether there is anywhere to send traces to."""
    settings = current()
    if not settings.otlp_endpoint:
        return False
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    class Root(TraceIdRatioBased):
        """Asks for the ratio anew for each trace: it may change at any time."""

        @property
        def bound(self) -> int:
            return self.get_bound_for_rate(current().trace_sample_ratio)

    resource = Resource.create({"service.name": settings.service, "process.type": settings.process})
    provider = TracerProvider(
        resource=resource,
        sampler=ParentBased(Root(settings.trace_sample_ratio)),
        shutdown_on_exit=False,
    )
    session = requests.Session()
    session.auth = _authorise
    url = f"{settings.otlp_endpoint}/v1/traces"
    exporter = OTLPSpanExporter(url, timeout=EXPORT_SECONDS, session=session)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    # A trace backend that is away is no reason to fill the log.
    logging.getLogger("opentelemetry.exporter.otlp").setLevel(logging.CRITICAL)
    logging.getLogger("opentelemetry.sdk").setLevel(logging.CRITICAL)
    _instrument()
    return True


def _authorise(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """A trace backend that wants a token gets the one that is valid now."""
    token = current().otlp_token.get_secret_value()
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    return request


def flush() -> None:
    """Send what is still here, within a bound; call it when the process ends."""
    provider = trace.get_tracer_provider()
    if hasattr(provider, "force_flush"):
        provider.force_flush(FLUSH_MILLISECONDS)


def _instrument() -> None:
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor

    # Consul and the gateway ask for their health every second: nobody looks for that among the traces.
    instrumentors: list[tuple[Any, dict[str, str]]] = [
        (DjangoInstrumentor(), {"excluded_urls": "/livez$,/readyz$"}),
        (RequestsInstrumentor(), {}),
    ]
    for instrumentor, options in instrumentors:
        if not instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.instrument(skip_dep_check=True, **options)
    connection_created.connect(trace_statements, dispatch_uid="tracing")


def trace_statements(connection: Any, **_: Any) -> None:
    """A receiver of `connection_created`."""
    if _statement not in connection.execute_wrappers:
        # First: `execute_wrapper()` ends by taking the last one away, and may have begun before this.
        connection.execute_wrappers.insert(0, _statement)


def _statement(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Django's database instrumentation hook: a span for each statement of a recorded trace, and nothing for
    the others, which a library at the cursor would charge more than PostgreSQL."""
    if not trace.get_current_span().is_recording():
        return execute(sql, params, many, context)
    attributes = {"db.system.name": "postgresql", "db.query.text": sql}
    with tracer.start_as_current_span(sql.split(None, 1)[0], kind=SpanKind.CLIENT, attributes=attributes):
        return execute(sql, params, many, context)


def trace_id() -> str:
    """The current trace's id in hex, empty outside any."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""
