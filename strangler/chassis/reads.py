"""Public reads on the short way: without DRF's negotiation, authentication and throttling, which they do not use.

Those cost more than the read itself where the read is two prepared statements.
"""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

ANYTHING = ("", "*/*", "application/json")


class PublicReads(APIView):
    """A view whose GET is open to everybody and needs nothing of DRF. Subclasses write `read`.

    What goes wrong in `read` is answered by DRF, in the shape of all errors; so is an Accept header that
    needs negotiating, and every other method.
    """

    authentication_classes: ClassVar[list[Any]] = []
    permission_classes: ClassVar[list[Any]] = []
    failure: Exception | None = None

    def read(self, request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        """Answer a GET."""
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and request.META.get("HTTP_ACCEPT", "") in ANYTHING:
            try:
                return self.read(request, **kwargs)
            except Exception as error:
                self.failure = error
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: Request, **arguments: Any) -> HttpResponseBase:
        if self.failure is not None:
            raise self.failure
        return self.read(request._request, **arguments)
