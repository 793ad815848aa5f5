"""What every request passes before Django: its id, its log line, and the gateway's question who it is.

The ForwardAuth question (`/internal/auth`) is answered here, before any of Django's middlewares, because
the gateway asks it for each request of a protected route.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from strangler.chassis.auth import InvalidToken, verify
from strangler.chassis.request_ids import request_id
from strangler.chassis.tracing import trace_id

access = logging.getLogger("access")

AUTH_PATH = "/internal/auth"
ENCODED_SLASH = re.compile("%2[fF]")
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

MISSING = ("not_authenticated", "Authentication credentials were not provided.")
INVALID = ("authentication_failed", "The access token is not valid or has expired.")


def wrap(application: Application) -> Application:
    """The host's WSGI application with what the chassis adds."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        keep_encoded_slashes(environ)
        if environ["PATH_INFO"] == AUTH_PATH:
            return who_is_it(environ, start_response)
        given = request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        started = time.perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if environ["PATH_INFO"] not in ("/livez", "/readyz"):
                _log(environ, status, time.perf_counter() - started, given)
            return start_response(status, [*headers, ("X-Request-Id", given)], *rest)

        return application(environ, start)

    return serve


def keep_encoded_slashes(environ: dict[str, Any]) -> None:
    """`%2F` is part of a path part, not between two (RFC 3986, 2.2): so the gateway reads it, and who reads
    it otherwise behind it answers for another route than the gateway let in."""
    raw = environ.get("RAW_URI", "").partition("?")[0]
    if raw.startswith("/") and "%2f" in raw.lower():
        kept = ENCODED_SLASH.sub("%252F", raw)
        environ["PATH_INFO"] = unquote_to_bytes(kept).decode("latin-1")


def who_is_it(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """200 with the user in headers, or the 401 that the host itself would answer (ForwardAuth)."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        return _refuse(environ, start_response, *MISSING)
    try:
        user = verify(token.strip())
    except InvalidToken:
        return _refuse(environ, start_response, *INVALID)
    start_response("200 OK", [("X-User-Id", str(user.id)), ("Content-Length", "0")])
    return [b""]


def _refuse(
    environ: dict[str, Any], start_response: Callable[..., Any], code: str, detail: str
) -> Iterable[bytes]:
    errors = [{"code": code, "detail": detail, "attr": None}]
    body = msgspec.json.encode({"type": "client_error", "errors": errors})
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    headers += [("WWW-Authenticate", 'Bearer realm="api"')]
    headers += [("X-Request-Id", request_id(environ.get("HTTP_X_REQUEST_ID", "")))]
    start_response("401 Unauthorized", headers)
    return [body]


def _log(environ: dict[str, Any], status: str, seconds: float, given: str) -> None:
    # The server span has ended with the response, so the trace's id comes from the gateway's header.
    carried = environ.get("HTTP_TRACEPARENT", "").split("-")
    access.info(
        "%s %s %s %.1f ms %s",
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        status[:3],
        seconds * 1000,
        given,
        extra={"trace_id": trace_id() or (carried[1] if len(carried) == 4 else "")},
    )
