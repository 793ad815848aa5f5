"""Liveness and readiness: `/livez` says that the process answers, `/readyz` that what it needs does.

A host includes `health.urlpatterns`; the gateway routes neither path. Where each request is a transaction
(ATOMIC_REQUESTS) these are none: they answer without a database.
"""

import logging

import msgspec
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

log = logging.getLogger(__name__)


@transaction.non_atomic_requests
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return _answer(200, {"status": "ok"})


@transaction.non_atomic_requests
def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers. Other dependencies can be away without this host being of no use."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.warning("not ready: %s", error)
        return _answer(503, {"status": "unavailable", "database": "down"})
    return _answer(200, {"status": "ok", "database": "up"})


def _answer(status: int, body: dict[str, str]) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")


urlpatterns = [path("livez", livez), path("readyz", readyz)]
