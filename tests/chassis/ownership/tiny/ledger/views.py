"""The ledger over HTTP."""

from typing import Any

import msgspec
from rest_framework import exceptions
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from strangler.chassis.ownership import host
from tests.chassis.ownership.tiny.ledger import operations


class Open(APIView):
    """Asks nobody who they are."""

    authentication_classes = []
    permission_classes = []


def given(request: Request) -> dict[str, Any]:
    """The body's fields."""
    fields: Any = request.data
    return {**fields}


class Entries(Open):
    def post(self, request: Request) -> Response:
        entry = operations.note(**given(request))
        return Response({"id": entry, "host": host()}, status=201, headers={"X-Noted-By": host()})


class Pairs(Open):
    """Notes two entries, each for good by itself; between them it waits for whoever holds lock 1."""

    def post(self, request: Request) -> Response:
        first, second = given(request)["keys"]
        operations.note(key=first, amount=1)
        operations.wait()
        operations.note(key=second, amount=1)
        return Response({"host": host()}, status=201)


class KeyedPairs(Pairs):
    """The same, which a client may send again."""

    repeatable = True


class Uploads(Open):
    """Notes how large a file is."""

    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        operations.note(key="upload", amount=request.FILES["file"].size // 2**20)
        return Response({"host": host()}, status=201)


class OneEntry(Open):
    def get(self, request: Request, entry: int) -> Response:
        found = operations.entries(ids=[entry])
        if not found:
            raise exceptions.NotFound
        return Response(msgspec.to_builtins(found[entry]))

    def patch(self, request: Request, entry: int) -> Response:
        if not operations.entries(ids=[entry]):
            raise exceptions.NotFound
        operations.change(entry=entry, **given(request))
        return Response({"host": host(), "query": request.META["QUERY_STRING"]})


class OwnEntry(OneEntry):
    """For who is known, by a cookie or by a header of the host's own."""

    def get(self, request: Request, entry: int) -> Response:
        if "me" not in (request.COOKIES.get("session"), request.headers.get("X-Session")):
            return Response(status=302, headers={"Location": "/login"})
        return super().get(request, entry)


class Total(Open):
    def get(self, request: Request) -> Response:
        return Response({"total": operations.total(most=10**9)})
