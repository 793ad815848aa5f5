"""What every request passes before Django: its id, its log line, and the gateway's question who it is.

A body in any other encoding than UTF-8, which JSON has to be in (RFC 8259, 8.1), is refused here: Django
reads even the query string by the charset that a request names, and some of Python's are no text.

A body in chunks gets its length here, as the gateway gives it one: Django reads none without.

The ForwardAuth question (`/internal/auth`) is answered here, before any of Django's middlewares, because
the gateway asks it for each request of a protected route.
"""

import io
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from django.db import Error
from gunicorn.http.errors import ParseException

from strangler.chassis.auth import InvalidToken, verify
from strangler.chassis.config import GatewaySettings
from strangler.chassis.errors import ChassisError
from strangler.chassis.request_ids import request_id
from strangler.chassis.shape import RETRY_AFTER, TOO_LARGE, UNAVAILABLE, document
from strangler.chassis.tracing import trace_id

log = logging.getLogger(__name__)
access = logging.getLogger("access")

AUTH_PATH = "/internal/auth"
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s;\"']*)", re.IGNORECASE)
READ = ("utf-8", "utf8", "us-ascii")
ENCODED_SLASH = re.compile("%2[fF]")
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

MISSING = ("not_authenticated", "Authentication credentials were not provided.")
FOREIGN = ("unsupported_media_type", "Only UTF-8 is read.")
BROKEN = ("parse_error", "The request's body did not arrive.")
INVALID = ("authentication_failed", "The access token is not valid or has expired.")


def wrap(application: Application) -> Application:
    """The host's WSGI application with what the chassis adds."""

    scheme = os.environ.get("PUBLIC_SCHEME", "")
    longest = GatewaySettings().body_limit_bytes

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        keep_encoded_slashes(environ)
        if scheme:
            environ["wsgi.url_scheme"] = scheme
        if environ["PATH_INFO"] == AUTH_PATH:
            return who_is_it(environ, start_response)
        given = request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        started = time.perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if environ["PATH_INFO"] not in ("/livez", "/readyz"):
                _log(environ, status, time.perf_counter() - started, given)
            return start_response(status, [*headers, ("X-Request-Id", given)], *rest)

        if "charset" in environ.get("CONTENT_TYPE", "").lower() and not _is_read(environ["CONTENT_TYPE"]):
            return _refuse(start, "415 Unsupported Media Type", *FOREIGN)
        if "HTTP_TRANSFER_ENCODING" in environ and "CONTENT_LENGTH" not in environ:
            try:
                body = environ["wsgi.input"].read(longest + 1)
            except (OSError, ParseException):
                return _refuse(start, "400 Bad Request", *BROKEN)
            if len(body) > longest:
                return _refuse(start, "413 Request Entity Too Large", *TOO_LARGE)
            environ["CONTENT_LENGTH"], environ["wsgi.input"] = str(len(body)), io.BytesIO(body)
        return application(environ, start)

    return serve


def _is_read(content_type: str) -> bool:
    return all(name.lower() in READ for name in CHARSET.findall(content_type))


def keep_encoded_slashes(environ: dict[str, Any]) -> None:
    """`%2F` is part of a path part, not between two (RFC 3986, 2.2): so the gateway reads it, and who reads
    it otherwise behind it answers for another route than the gateway let in."""
    raw = environ.get("RAW_URI", "").partition("?")[0]
    if raw.startswith("/") and "%2f" in raw.lower():
        kept = ENCODED_SLASH.sub("%252F", raw)
        environ["PATH_INFO"] = unquote_to_bytes(kept).decode("latin-1")


def who_is_it(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """200 with the user in headers, or what the host itself would answer (ForwardAuth): 401, or 503 where it
    has no keys to verify a token with and cannot get them."""
    given = ("X-Request-Id", request_id(environ.get("HTTP_X_REQUEST_ID", "")))
    unauthorised = [("WWW-Authenticate", 'Bearer realm="api"'), given]
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        return _refuse(start_response, "401 Unauthorized", *MISSING, unauthorised)
    try:
        user = verify(token.strip())
    except InvalidToken:
        return _refuse(start_response, "401 Unauthorized", *INVALID, unauthorised)
    except (Error, ChassisError) as error:
        log.warning("no keys to verify a token with: %s", error)
        wait = ("Retry-After", str(RETRY_AFTER))
        return _refuse(start_response, "503 Service Unavailable", *UNAVAILABLE, [wait, given])
    start_response("200 OK", [("X-User-Id", str(user.id)), ("Content-Length", "0")])
    return [b""]


def _refuse(
    start_response: Callable[..., Any],
    status: str,
    code: str,
    detail: str,
    headers: Sequence[tuple[str, str]] = (),
) -> Iterable[bytes]:
    body = msgspec.json.encode(document(int(status[:3]), [(code, detail, None)]))
    described = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, [*described, *headers])
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
