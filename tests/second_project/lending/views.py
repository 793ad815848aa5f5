"""Loans over HTTP."""

import json

from django.http import HttpRequest, JsonResponse

from tests.second_project.lending import operations


def loans(request: HttpRequest) -> JsonResponse:
    """Lend a book; the answer has its title, wherever books are."""
    data = json.loads(request.body)
    lent = operations.lend(book=data["book"], reader=data["reader"])
    return JsonResponse({"id": lent, "title": operations.title(book=data["book"])}, status=201)
