"""Public reads on the short way: without DRF's negotiation, authentication and throttling.

They use none of it, and it costs more than the read itself where that is two prepared statements.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

ANYTHING = ("", "*/*", "application/json")


class PublicReads(APIView):
    """A view whose GET is open to everybody and needs nothing of DRF. Subclasses write `read`.

    What goes wrong in `read` is answered by DRF, in the shape of all errors; so is an Accept header that
    needs negotiating, and every other method.
    """

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    failure: Exception | None = None

    read: Callable[..., HttpResponseBase]
    """Answers a GET: takes Django's request, and the path's parts by keyword."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and request.META.get("HTTP_ACCEPT", "") in ANYTHING:
            try:
                return self.read(request, **kwargs)
            except Exception as error:  # noqa: BLE001 (DRF answers it below)
                self.failure = error
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: Request, **arguments: Any) -> HttpResponseBase:
        if self.failure is not None:
            raise self.failure
        return self.read(request._request, **arguments)
