"""Books over HTTP."""

import json

import msgspec
from django.http import Http404, HttpRequest, JsonResponse

from tests.second_project.books import operations


def books(request: HttpRequest) -> JsonResponse:
    """Add one."""
    data = json.loads(request.body)
    return JsonResponse({"id": operations.add(title=data["title"], isbn=data["isbn"])}, status=201)


def book(request: HttpRequest, book: int) -> JsonResponse:
    """Read one, or add to its pages."""
    if request.method == "PATCH":
        more = json.loads(request.body)["more"]
        return JsonResponse({"pages": operations.count_pages(book=book, more=more)})
    found = operations.books(ids=[book]).get(book)
    if found is None:
        raise Http404
    return JsonResponse(msgspec.to_builtins(found))
