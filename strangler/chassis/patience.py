"""How long a web process waits for a client, whose thread serves nobody else meanwhile.

gunicorn's thread worker bounds the wait for a request's first byte only. It would wait for the rest of a head
or body, or for a client to read its answer, until the client leaves: a handful that stay take all threads.

What it refuses before the application sees it, it refuses in HTML; here, in the shape of all errors.
"""

import errno
import socket
import struct
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Self

import msgspec
from gunicorn.http import errors
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import TConn, ThreadWorker

from strangler.chassis.request_ids import request_id
from strangler.chassis.shape import document

PATIENCE_SECONDS = 10.0
"""For what a request still lacks. Waiting uses it up and what comes restores it, so that an upload over a
slow line goes on, and a byte now and then holds no thread (as Apache's mod_reqtimeout has it)."""

SLOWEST_BYTES = 500
"""A second of patience."""

READ_SECONDS = 30.0
"""For a client that reads nothing of its answer."""


REFUSALS: dict[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    # What the application answers, or how we are configured: no fault of the client's.
    errors.InvalidResponseHeader: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidResponseHeaderName: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ConfigurationProblem: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ParseException: HTTPStatus.BAD_REQUEST,
}


class Patient(socket.socket):
    """A blocking connection on which the other side's silence ends as if it had hung up."""

    patience = PATIENCE_SECONDS

    @classmethod
    def of(cls, other: socket.socket) -> Self:
        """The same connection. `other` is not to be used any more."""
        found = cls(other.family, other.type, other.proto, fileno=other.detach())
        found._wait_at_most(socket.SO_SNDTIMEO, READ_SECONDS)
        return found

    def recv(self, size: int, flags: int = 0) -> bytes:
        self._wait_at_most(socket.SO_RCVTIMEO, max(self.patience, 0.001))  # none at all would be for ever
        began = time.monotonic()
        try:
            received = super().recv(size, flags)
        except BlockingIOError:
            raise self._hung_up() from None
        waited = time.monotonic() - began
        self.patience = min(self.patience - waited + len(received) / SLOWEST_BYTES, PATIENCE_SECONDS)
        return received

    def sendall(self, data: Any, flags: int = 0) -> None:
        try:
            super().sendall(data, flags)
        except BlockingIOError:
            raise self._hung_up() from None

    def see_off(self) -> None:
        """Give the client its moment to read the answer and close. gunicorn's main loop, which comes after
        us, would do it again for each, while nobody else is let in: it finds nothing left to wait for."""
        with suppress(OSError):  # gunicorn may have closed it
            close_graceful(self.dup())
        self._read_no_more()

    def _wait_at_most(self, option: int, seconds: float) -> None:
        """By the kernel's own timeouts, because Python's would be switched by each of gunicorn's modes."""
        whole, rest = divmod(seconds, 1)
        self.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(whole), int(rest * 1_000_000)))

    def _hung_up(self) -> ConnectionResetError:
        """What gunicorn closes a connection over without a word."""
        self._read_no_more()
        return ConnectionResetError(errno.ECONNRESET, "the client has stopped")

    def _read_no_more(self) -> None:
        with suppress(OSError):
            self.shutdown(socket.SHUT_RD)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker, with patient connections."""

    def handle(self, conn: TConn) -> Any:
        """A request, in a thread of its own."""
        if not isinstance(conn.sock, Patient):
            conn.sock = Patient.of(conn.sock)
        conn.sock.patience = PATIENCE_SECONDS
        kept = super().handle(conn)
        if not kept:
            conn.sock.see_off()
        return kept

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that cannot be read, or whose application failed before it began to answer."""
        known = (status for kind, status in REFUSALS.items() if isinstance(exc, kind))
        status = next(known, HTTPStatus.INTERNAL_SERVER_ERROR)
        given = request_id(dict(req.headers).get("X-REQUEST-ID", "") if req else "")
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("Error handling request %s", given, exc_info=exc)
        else:
            self.log.warning("A request is refused, %d %s: %s", status, given, exc)
        with suppress(OSError):
            client.sendall(_refusal(status, given))


def _refusal(status: HTTPStatus, given: str) -> bytes:
    code, detail = "parse_error", f"The request cannot be read: {status.phrase}."
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        code, detail = "error", "Server Error (500)"
    body = msgspec.json.encode(document(status, [(code, detail, None)]))
    head = (
        f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-Id: {given}\r\n\r\n"
    )
    return head.encode() + body
