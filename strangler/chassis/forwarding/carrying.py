"""Carrying one HTTP request to another host, and its answer back: as it is, but for what belongs to a hop."""

import http.client
from collections.abc import Iterable, Mapping

from django.http import HttpRequest, HttpResponse
from opentelemetry import propagate

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 12.0
HOP = {
    # RFC 9110, 7.6.1
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    # What each server says for itself.
    "content-length",
    "date",
    "expect",
    "server",
    "x-request-id",
}


class NotSent(Exception):
    """The host could not be reached, so nothing was done."""


class AnswerLost(Exception):
    """The request was sent, and no answer came."""


def carry(request: HttpRequest, body: bytes, address: str, extra: Mapping[str, str]) -> HttpResponse:
    """Send the request to `host:port` and return its answer; raises NotSent, AnswerLost."""
    headers = {name: value for name, value in onward(request.headers.items()) if name not in extra}
    if request_id := request.headers.get("X-Request-Id"):
        headers["X-Request-Id"] = request_id
    _trace(headers)
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=CONNECT_SECONDS)
    try:
        try:
            connection.connect()
        except OSError as error:
            raise NotSent(f"{address}: {error}") from error
        connection.sock.settimeout(ANSWER_SECONDS)
        try:
            method = request.method or "GET"
            connection.request(method, request.get_full_path(), body or None, {**headers, **extra})
            return _response(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            raise AnswerLost(f"{address}: {error or type(error).__name__}") from error
    finally:
        connection.close()


def onward(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers that are meant for both ends."""
    found = list(headers)
    named = {part.strip().lower() for n, v in found if n.lower() == "connection" for part in v.split(",")}
    return [(name, value) for name, value in found if name.lower() not in HOP | named]


def _trace(headers: dict[str, str]) -> None:
    """Go on in the current span, or in the trace that the request came with."""
    current: dict[str, str] = {}
    propagate.inject(current)
    for name, value in current.items():
        for given in [key for key in headers if key.lower() == name.lower()]:
            del headers[given]
        headers[name] = value


def _response(answer: http.client.HTTPResponse) -> HttpResponse:
    response = HttpResponse(answer.read(), status=answer.status, reason=answer.reason)
    del response.headers["Content-Type"]
    for name, value in onward(answer.getheaders()):
        if name.lower() == "set-cookie":
            response.cookies.load(value)
        elif name in response.headers:
            response.headers[name] = f"{response.headers[name]}, {value}"
        else:
            response.headers[name] = value
    return response
