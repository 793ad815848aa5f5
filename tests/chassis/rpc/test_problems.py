"""What an HTTP client hears of a remote domain's trouble."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.rpc.errors import BreakerOpen, BulkheadFull, DeadlinePassed, Disconnected, OwnerBusy

KINDS = [BreakerOpen, BulkheadFull, DeadlinePassed, Disconnected, OwnerBusy]


@pytest.mark.parametrize("kind", KINDS)
def test_domain_out_of_reach_is_a_503_to_come_back_to_unless_it_may_be_done(
    kind: type[DomainUnavailable],
) -> None:
    class Asking(APIView):
        authentication_classes = []
        permission_classes = []

        def get(self, request: object) -> Response:
            raise kind("counting", "echo", "away")

        def post(self, request: object) -> Response:
            raise kind("counting", "echo", "away", unknown=True)

    answer = Asking.as_view()(APIRequestFactory().get("/"))
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    code = answer.data["errors"][0]["code"]
    assert code == ("busy" if kind is OwnerBusy else "service_unavailable")

    answer = Asking.as_view()(APIRequestFactory().post("/"))
    assert (answer.status_code, answer.data["errors"][0]["code"]) == (502, "outcome_unknown")
    assert "Retry-After" not in answer


def plain(request: HttpRequest) -> HttpResponse:
    kind = next(k for k in KINDS if k.__name__ == request.GET["kind"])
    raise kind("counting", "echo", "away", unknown=request.method == "POST")


urlpatterns = [path("plain", plain)]


@pytest.mark.urls("tests.chassis.rpc.test_problems")
@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_view_of_django_says_so_too(kind: type[DomainUnavailable]) -> None:
    client = Client(raise_request_exception=False)
    answer = client.get(f"/plain?kind={kind.__name__}")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "2")
    code = answer.json()["errors"][0]["code"]
    assert code == ("busy" if kind is OwnerBusy else "service_unavailable")
    answer = client.post(f"/plain?kind={kind.__name__}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (502, "outcome_unknown")
