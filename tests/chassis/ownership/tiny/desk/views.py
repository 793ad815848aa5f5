"""The desk over HTTP."""

from rest_framework.request import Request
from rest_framework.response import Response

from strangler.chassis.ownership import host
from tests.chassis.ownership.tiny.contract import desk, ledger
from tests.chassis.ownership.tiny.ledger import operations
from tests.chassis.ownership.tiny.ledger.views import Open, given


class Visits(Open):
    """Notes through the ledger's port, within a transaction of its own."""

    def post(self, request: Request) -> Response:
        entry = desk.visit(**given(request))
        return Response({"id": entry, "host": host()}, status=201)


class Lookups(Open):
    """Asks the ledger's port."""

    def get(self, request: Request, entry: int) -> Response:
        found = ledger.entries(ids=[entry])
        return Response({"amounts": [e.amount for e in found.values()]})


class Notes(Open):
    """Commands the ledger's port outside any transaction."""

    def post(self, request: Request) -> Response:
        entry = ledger.note(**given(request))
        return Response({"id": entry}, status=201)


class Trespasses(Open):
    """Writes to the ledger's tables past its port."""

    def post(self, request: Request) -> Response:
        return Response({"id": operations.note(**given(request))}, status=201)
