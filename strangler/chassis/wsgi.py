"""What every request passes before Django: its id, its log line, and the gateway's question who it is.

The ForwardAuth question (`/internal/auth`) is answered here, before any of Django's middlewares, because
the gateway asks it for each request of a protected route.
"""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from strangler.chassis.auth import InvalidToken, verify
from strangler.chassis.tracing import trace_id

access = logging.getLogger("access")

AUTH_PATH = "/internal/auth"
REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

MISSING = ("not_authenticated", "Authentication credentials were not provided.")
INVALID = ("authentication_failed", "The access token is not valid or has expired.")


def wrap(application: Application) -> Application:
    """The host's WSGI application with what the chassis adds."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == AUTH_PATH:
            return who_is_it(environ, start_response)
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if REQUEST_ID.match(given) else uuid.uuid4().hex
        started = time.perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if environ["PATH_INFO"] not in ("/livez", "/readyz"):
                _log(environ, status, time.perf_counter() - started, request_id)
            return start_response(status, [*headers, ("X-Request-Id", request_id)], *rest)

        return application(environ, start)

    return serve


def who_is_it(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """200 with the user in headers, or the 401 that the host itself would answer (ForwardAuth)."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        return _refuse(start_response, *MISSING)
    try:
        user = verify(token.strip())
    except InvalidToken:
        return _refuse(start_response, *INVALID)
    start_response("200 OK", [("X-User-Id", str(user.id)), ("Content-Length", "0")])
    return [b""]


def _refuse(start_response: Callable[..., Any], code: str, detail: str) -> Iterable[bytes]:
    errors = [{"code": code, "detail": detail, "attr": None}]
    body = msgspec.json.encode({"type": "client_error", "errors": errors})
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("401 Unauthorized", [*headers, ("WWW-Authenticate", 'Bearer realm="api"')])
    return [body]


def _log(environ: dict[str, Any], status: str, seconds: float, request_id: str) -> None:
    # The server span has ended with the response, so the trace's id comes from the gateway's header.
    carried = environ.get("HTTP_TRACEPARENT", "").split("-")
    access.info(
        "%s %s %s %.1f ms %s",
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        status[:3],
        seconds * 1000,
        request_id,
        extra={"trace_id": trace_id() or (carried[1] if len(carried) == 4 else "")},
    )
