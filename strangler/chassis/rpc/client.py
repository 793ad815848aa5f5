"""The caller's side: a transport for ports.

    from strangler.chassis.rpc import client

    client.connect()                                # the chassis's app does it at the first remote call
    client.connect(locate=lambda domain: "origin")  # not where `ownership` knows the owner to be

From then on `inventory.reserve(…)` of a domain that another host owns is a remote call. Threads share
one connection. An answer, a declared error, or a DomainUnavailable comes by the deadline of the call's mark,
or its caller's if that is earlier.
"""

import os
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind

from strangler.chassis import ownership, ports
from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ports import Method
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.connection import (
    Connection,
    ConnectionLost,
    NoAnswer,
    NotConnected,
    NotRouted,
)
from strangler.chassis.rpc.envelope import codec
from strangler.chassis.rpc.errors import DeadlinePassed, Disconnected, NoTimeLeft, Unrouted
from strangler.chassis.rpc.policies import PIPELINE
from strangler.chassis.rpc.policies.call import SECONDS, Call, Policy, Proceed

FAIR_SECONDS = 0.25
"""Who is given less and does not answer has not failed."""

Locate = Callable[[str], str]
tracer = trace.get_tracer(__name__)


class Client:
    """A transport: carries calls to the host where `locate` says that the domain is."""

    def __init__(self, url: str, *, locate: Locate = ownership.owner_of, caller: str = ""):
        self.locate, self.caller = locate, caller
        self.connection = Connection(url)
        self.policies: list[Policy] = [policy() for policy in PIPELINE]
        self._proceed: Proceed = reduce(
            lambda inner, policy: partial(_through, policy, inner), reversed(self.policies), self._send
        )

    def call(self, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        """Ask the domain's owner, wherever it is by then."""
        return self._bounded(Call(self.locate(domain), domain, method, arguments, follows=True))

    def ask(self, host: str, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        """Ask this host; raises DomainMoved if it does not own the domain."""
        return self._bounded(Call(host, domain, method, arguments))

    def shadow(self, host: str, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        """What this host's own answer to a query is, whoever owns the domain."""
        return self._bounded(Call(host, domain, method, arguments, shadow=True))

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def _bounded(self, call: Call) -> Any:
        with deadline.within(SECONDS[call.method.kind]):
            try:
                return self._proceed(call)
            except DomainUnavailable as error:
                if call.method.kind == "query":
                    error.unknown = False  # whatever became of it, it has no effect
                raise

    def _send(self, call: Call) -> Any:
        name = f"{call.domain}.{call.method.name}"
        attributes = {"rpc.system.name": "nameko", "rpc.method": name, "server.address": call.host}
        with tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes):
            seconds = deadline.remaining() or 0.0
            if seconds <= 0:
                raise NoTimeLeft(call.domain, call.method.name, "the deadline passed before it was asked")
            headers: dict[str, Any] = {**deadline.to_wire(seconds), "caller": self.caller}
            if call.method.kind == "command":
                headers["idempotency-key"] = str(call.arguments.get("key", ""))
            if epoch := ownership.epoch_of(call.domain):
                headers["epoch"] = epoch
            if call.hops:
                headers["hops"] = call.hops
            if call.shadow:
                headers["shadow"] = 1
            propagate.inject(headers)
            coding = codec(call.domain, call.method)
            body = coding.call(call.arguments)
            try:
                return coding.read_answer(self._request(call, f"{call.host}.{name}", body, headers, seconds))
            except DeadlinePassed as error:
                if seconds >= FAIR_SECONDS:
                    raise
                raise NoTimeLeft(
                    call.domain, call.method.name, error.reason, unknown=error.unknown
                ) from error

    def _request(self, call: Call, key: str, body: bytes, headers: dict[str, Any], seconds: float) -> bytes:
        def unavailable(
            kind: type[DomainUnavailable], error: Exception, *, unknown: bool
        ) -> DomainUnavailable:
            return kind(call.domain, call.method.name, str(error), unknown=unknown)

        try:
            return self.connection.request(key, body, headers, seconds=seconds)
        except NotConnected as error:
            raise unavailable(Disconnected, error, unknown=False) from error
        except ConnectionLost as error:
            raise unavailable(Disconnected, error, unknown=True) from error
        except NotRouted as error:
            raise unavailable(Unrouted, error, unknown=False) from error
        except NoAnswer as error:
            raise unavailable(DeadlinePassed, error, unknown=True) from error


def _through(policy: Policy, inner: Proceed, call: Call) -> Any:
    return policy(call, inner)


def connect(url: str = "", *, locate: Locate = ownership.owner_of) -> Client:
    """Let this process's ports ask remote domains, over the broker of BROKER_URL unless told otherwise."""
    client = Client(
        url or os.environ.get("BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//"),
        locate=locate,
        caller=os.environ.get("SERVICE", ""),
    )
    ports.use_transport(client)
    return client
