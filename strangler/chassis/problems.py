"""Every error answer in one shape, whoever noticed the error.

The shape is drf-standardized-errors': `{"type", "errors": [{"code", "detail", "attr"}]}`, where `type` is
`validation_error`, `client_error` or `server_error`. It is used for DRF's errors, the errors that contracts
declare, what the database refuses, and Django's own 400, 403, 404 and 500.
"""

import logging
from typing import Any

import msgspec
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

from strangler.chassis.errors import ContractError, DomainUnavailable
from strangler.chassis.ownership import moved
from strangler.chassis.parsers import TooLarge
from strangler.chassis.ports import DomainNotHosted
from strangler.chassis.postgres import LOCKED
from strangler.chassis.postgres.base import CommitLost
from strangler.chassis.routes import view_of
from strangler.chassis.shape import RETRY_AFTER, UNAVAILABLE, UNKNOWN, document

logger = logging.getLogger(__name__)

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
REPEATABLE = "Idempotency-Key"
"""Who sends this header may send the request again, and so may we, where the view is `repeatable` by it."""

# What PostgreSQL raises for a value that no column can hold although the serializer let it pass.
BAD_VALUES = (DataError, UnicodeEncodeError, OverflowError)


class Unavailable(exceptions.APIException):
    """Something this host needs does not answer; nothing was done."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code, default_detail = UNAVAILABLE
    wait = RETRY_AFTER


class Busy(Unavailable):
    """The rows are locked by others for longer than we wait."""

    default_detail = "Others are changing the same data. Try again."
    default_code = "busy"


class OutcomeUnknown(exceptions.APIException):
    """The request may have had its effect, or a part of it: not to be tried again unseen, so no Retry-After.
    The gateway says the same of a write whose host ended the connection."""

    status_code = status.HTTP_502_BAD_GATEWAY
    default_code, default_detail = UNKNOWN


def problem(
    status_code: int,
    *,
    code: str,
    detail: str,
    attr: str | None = None,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    """An error answer for code that runs outside DRF: middlewares, plain Django views, WSGI wrappers."""
    return HttpResponse(
        msgspec.json.encode(document(status_code, [(code, detail, attr)])),
        content_type="application/json",
        status=status_code,
        headers=headers,
    )


def plain(error: exceptions.APIException, **headers: str) -> HttpResponse:
    """What DRF would answer to an error of ours, for code that runs outside it."""
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.wait)
    detail = str(error.default_detail)
    return problem(error.status_code, code=error.default_code, detail=detail, headers=headers)


def _nul(error: Exception) -> bool:
    return isinstance(error, ValueError) and "NUL" in str(error)


class Handler(ExceptionHandler):
    """drf-standardized-errors' handler, taught our contracts' errors and the database's."""

    def run(self) -> Response | None:
        if isinstance(self.exc, ContractError):
            self.set_rollback()
            return self._declared(self.exc)
        if moved(self.exc) is not None:
            # Not an answer: `forwarding` sees to it.
            self.set_rollback()
            return None
        return super().run()

    def _declared(self, error: ContractError) -> Response:
        triples = [(error.code, detail, attr) for detail, attr in error.details()]
        headers = {"Retry-After": str(RETRY_AFTER)} if error.status == 503 else None
        return Response(document(error.status, triples), status=error.status, headers=headers)

    def format_exception(self, exc: exceptions.APIException) -> dict[str, Any]:
        found: dict[str, Any] = super().format_exception(exc)
        # A detail may quote what came: half a surrogate pair, which JSON can escape and UTF-8 cannot hold.
        for error in found["errors"]:
            error["detail"] = error["detail"].encode("utf-8", "backslashreplace").decode()
        return found

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if (found := away(self.context["request"], exc)) is not None:
            return found
        if isinstance(exc, RequestDataTooBig):
            return TooLarge()
        if isinstance(exc, SuspiciousOperation):
            return exceptions.ParseError("The request cannot be understood.")
        if isinstance(exc, BAD_VALUES) or _nul(exc):
            return exceptions.ParseError("A value is out of range or has characters that cannot be stored.")
        return super().convert_known_exceptions(exc)


def away(request: Request | HttpRequest | None, exc: Exception) -> exceptions.APIException | None:
    """What a request is answered that met this error, in whatever view: one of something that this host needs
    and that refused, or did not answer. None for any other error."""
    found = _unavailable(exc)
    if found is not None and may_be_done(request, exc):
        logger.error("a write may have been done: %s", exc)
        return OutcomeUnknown()
    return found


def _unavailable(exc: Exception) -> Unavailable | None:
    if isinstance(exc, OperationalError | InterfaceError):
        logger.warning("The database refused: %s", exc)
        return Busy() if isinstance(exc.__cause__, LOCKED) else Unavailable()
    if isinstance(exc, DomainNotHosted):
        logger.error("%s", exc)
        return Unavailable()
    if isinstance(exc, DomainUnavailable):
        logger.warning("%s", exc)
        return Busy() if exc.busy else Unavailable()
    return None


def may_be_repeated(request: Request | HttpRequest) -> bool:
    """Whether the request has one effect however often it is sent: by its key, if its view goes by that."""
    return REPEATABLE in request.headers and getattr(view_of(request), "repeatable", False)


def may_be_done(request: Request | HttpRequest | None, error: Exception) -> bool:
    """Whether it is a write that may have had its effect, or a part, and may not be sent again unseen."""
    if request is None or request.method in SAFE or may_be_repeated(request):
        return False
    commits = getattr(request, "commits", None)  # `forwarding` counts them
    committed = commits is not None and commits.any
    return bool(committed or isinstance(error, CommitLost) or getattr(error, "unknown", False))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler400`: a Host that is not ours, a query string too large, and the like."""
    if isinstance(exception, RequestDataTooBig):
        return problem(413, code=TooLarge.default_code, detail=TooLarge.default_detail)
    return problem(400, code="parse_error", detail="The request cannot be understood.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler403`."""
    return problem(403, code="permission_denied", detail="You do not have permission to perform this action.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler404`: no such route."""
    return problem(404, code="not_found", detail="Not found.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: a defect of ours; the log has it under the request's trace id."""
    return problem(500, code="error", detail="Server Error (500)")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's `CSRF_FAILURE_VIEW`; only the admin checks CSRF."""
    return problem(403, code="csrf_failed", detail=reason or "CSRF verification failed.")
