"""What every remote call of a host gets: its deadline, a span of its caller's trace, and its connections back
into the pool. Nameko's DependencyProviders; OpenTelemetry has no instrumentation for Nameko 2.14."""

import logging
from typing import Any

import eventlet
from django.db import DatabaseError, connections
from nameko.extensions import DependencyProvider
from opentelemetry import context, propagate, trace
from opentelemetry.trace import SpanKind

from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.database import statements

log = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)


class Deadline(DependencyProvider):  # type: ignore[misc]
    """The call's deadline holds for its statements and its own calls; a statement under way when it passes
    is cancelled."""

    def worker_setup(self, worker_ctx: Any) -> None:
        deadline.begin(worker_ctx.data["ends"])
        seconds = max(deadline.remaining() or 0.0, 0.0)
        worker_ctx.data["overdue"] = eventlet.spawn_after(seconds, statements.cancel, statements.mine())

    def worker_result(self, worker_ctx: Any, result: Any = None, exc_info: Any = None) -> None:
        worker_ctx.data["overdue"].cancel()


class Headers(DependencyProvider):  # type: ignore[misc]
    """What came with the call."""

    def get_dependency(self, worker_ctx: Any) -> Any:
        return worker_ctx.data


class Connections(DependencyProvider):  # type: ignore[misc]
    """Every worker is a greenlet of its own, and so has connections of its own to give back."""

    def worker_setup(self, worker_ctx: Any) -> None:
        self._give_back()

    def worker_result(self, worker_ctx: Any, result: Any = None, exc_info: Any = None) -> None:
        self._give_back()

    def _give_back(self) -> None:
        for connection in connections.all(initialized_only=True):
            try:
                connection.close()
            except DatabaseError as error:
                # Raised here, it would end the container.
                log.warning("a connection could not be given back: %s", error)


class Tracing(DependencyProvider):  # type: ignore[misc]
    """A server span for each call, in the trace of its `traceparent`."""

    def worker_setup(self, worker_ctx: Any) -> None:
        data = worker_ctx.data
        name = f"{worker_ctx.service_name.rpartition('.')[2]}.{worker_ctx.entrypoint.method_name}"
        parent = propagate.extract({k: v for k, v in data.items() if isinstance(v, str)})
        attributes = {"rpc.system.name": "nameko", "rpc.method": name, "rpc.caller": data.get("caller", "")}
        span = tracer.start_span(name, context=parent, kind=SpanKind.SERVER, attributes=attributes)
        data["span"], data["context"] = span, context.attach(trace.set_span_in_context(span, parent))

    def worker_result(self, worker_ctx: Any, result: Any = None, exc_info: Any = None) -> None:
        context.detach(worker_ctx.data["context"])
        worker_ctx.data["span"].end()
