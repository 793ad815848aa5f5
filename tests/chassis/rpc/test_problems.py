"""What an HTTP client hears of a remote domain's trouble."""

import pytest
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.rpc.errors import BreakerOpen, BulkheadFull, DeadlinePassed, Disconnected, OwnerBusy


@pytest.mark.parametrize("kind", [BreakerOpen, BulkheadFull, DeadlinePassed, Disconnected, OwnerBusy])
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
