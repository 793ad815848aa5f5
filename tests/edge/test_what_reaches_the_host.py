"""What the gateway tells a host of a request, what it keeps from it, and what it repeats."""

import uuid
from collections.abc import Iterator

import pytest

from strangler.toolkit.stack import Stack
from tests.edge.client import Client, code
from tests.edge.echo import Echo, arrived, beside_the_shop

SPOOFS = {"X-User-Id": "7", "X_User_Id": "7", "X.User.Id": "7"}


@pytest.fixture(scope="module")
def echo(stage_1: Stack) -> Iterator[Echo]:
    with beside_the_shop(stage_1, Client(stage_1.url)) as echo:
        yield echo


@pytest.fixture
def answering(echo: Echo) -> Iterator[Echo]:
    echo.hang_up = False
    yield echo
    echo.hang_up = False


def users(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if "user" in name and "id" in name}


def test_a_client_does_not_say_who_it_is(answering: Echo, anonymous: Client) -> None:
    headers = arrived(anonymous, "/api/products", headers=SPOOFS)

    assert users(headers) == {}


def test_the_gateway_does_on_a_route_that_needs_a_user(answering: Echo, customer: Client) -> None:
    headers = arrived(customer, "/api/me", headers=SPOOFS)

    assert users(headers).keys() == {"x-user-id"}
    assert headers["x-user-id"] not in ("", "7")


def test_a_client_does_not_say_where_it_comes_from(answering: Echo, anonymous: Client) -> None:
    given = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Host": "evil.example", "X-Real-Ip": "10.1.2.3"}

    headers = arrived(anonymous, "/api/products", headers=given)

    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-real-ip"] == "127.0.0.1"
    assert "evil" not in headers["x-forwarded-host"]


def test_the_trace_and_the_requests_id_travel_on(answering: Echo, anonymous: Client) -> None:
    trace, given = uuid.uuid4().hex, "from-the-client-1"
    sent = {"traceparent": f"00-{trace}-2222222222222222-01", "X-Request-Id": given}

    headers = arrived(anonymous, "/api/products", headers=sent)

    _, carried, span, sampled = headers["traceparent"].split("-")
    assert (carried, sampled) == (trace, "01")
    assert span != "2222222222222222"
    assert headers["x-request-id"] == given


def test_a_read_that_a_dying_instance_did_not_answer_is_repeated(answering: Echo, anonymous: Client) -> None:
    answering.hang_up = True
    paths = [f"/api/products?search={uuid.uuid4().hex}" for _ in range(6)]

    answers = [anonymous.get(path) for path in paths]

    assert [answer.status_code for answer in answers] == [200] * 6
    assert any(answering.requests[path] for path in paths)


def test_a_write_never_is(answering: Echo, customer: Client) -> None:
    answering.hang_up = True
    paths = [f"/api/cart/lines/1?once={uuid.uuid4().hex}" for _ in range(4)]

    answers = [customer.ask("PUT", path, json={"quantity": 1}) for path in paths]

    sent = [answering.requests[path] for path in paths]
    assert max(sent) == 1
    for answer, times in zip(answers, sent, strict=True):
        if times:
            assert (answer.status_code, code(answer)) == (502, "outcome_unknown")
            assert "Retry-After" not in answer.headers
        elif answer.status_code != 200:  # who the caller is was not answered, so nothing was sent
            assert (answer.status_code, code(answer)) == (503, "service_unavailable")
            assert answer.headers["Retry-After"]
