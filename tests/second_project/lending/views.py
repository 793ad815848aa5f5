"""Loans over HTTP."""

import json

from django.http import HttpRequest, JsonResponse

from tests.second_project.lending import operations


def loans(request: HttpRequest) -> JsonResponse:
    """Lend a book."""
    data = json.loads(request.body)
    return JsonResponse({"id": operations.lend(book=data["book"], reader=data["reader"])}, status=201)
