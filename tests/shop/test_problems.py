"""Every error answer has the one shape, and the client's mistakes are never ours."""

import json
from collections.abc import Callable
from typing import Any, cast

import psycopg
import pytest
from django.db import DataError, OperationalError
from django.urls import path
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.views import APIView

from contracts.inventory import InsufficientStock, Shortage
from shop.accounts import operations
from shop.accounts.models import LoginAttempts
from shop.catalog.models import Category, Product

JSON = "application/json"


def fail(error: Exception) -> Any:
    class Fails(APIView):
        authentication_classes = []
        permission_classes = []

        def get(self, request: Request) -> None:
            raise error

    return Fails.as_view()


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


ERRORS = {
    "declared": InsufficientStock(lines=[Shortage(product=7, requested=3, available=1)]),
    "gone": OperationalError("server closed the connection unexpectedly"),
    "locked": caused(OperationalError("lock timeout"), psycopg.errors.LockNotAvailable()),
    "data": DataError("integer out of range"),
    "nul": ValueError("A string literal cannot contain NUL (0x00) characters."),
    "defect": KeyError("a defect"),
}
handler404 = "strangler.chassis.problems.page_not_found"
handler500 = "strangler.chassis.problems.server_error"


KEY = {"Idempotency-Key": "k"}
UNKNOWN, TRY_AGAIN = (502, "outcome_unknown"), (503, "service_unavailable")


class TakesTwoSteps(APIView):
    """The first is done for good when the database goes away."""

    authentication_classes = []
    permission_classes = []

    def post(self, request: Request) -> None:
        Category.objects.create(slug="tea", name="Tea")
        raise OperationalError("server closed the connection unexpectedly")


class TakesTwoStepsByKey(TakesTwoSteps):
    """The same, and whoever sends a key may send it again."""

    repeatable = True


urlpatterns = [path(name, fail(error)) for name, error in ERRORS.items()]
urlpatterns.append(path("two-steps", TakesTwoSteps.as_view()))
urlpatterns.append(path("two-steps-by-key", TakesTwoStepsByKey.as_view()))


def shape(answer: Any) -> None:
    document = answer.json()
    assert set(document) == {"type", "errors"}
    assert document["type"] in ("validation_error", "client_error", "server_error")
    assert document["errors"]
    assert all(set(error) == {"code", "detail", "attr"} for error in document["errors"])


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("name", "status", "code", "attr", "retry"),
    [
        ("declared", 409, "insufficient_stock", "lines.7", False),
        ("gone", 503, "service_unavailable", None, True),
        ("locked", 503, "busy", None, True),
        ("data", 400, "parse_error", None, False),
        ("nul", 400, "parse_error", None, False),
        ("defect", 500, "error", None, False),
        ("nowhere", 404, "not_found", None, False),
    ],
)
def test_errors(client: APIClient, name: str, status: int, code: str, attr: str | None, retry: bool) -> None:
    answer = client.get(f"/{name}")
    shape(answer)
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"], error["attr"]) == (status, code, attr)
    assert ("Retry-After" in answer) == retry


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", JSON, 400),
        (b'{"email": NaN}', JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b"[]", JSON, 400),
        (b"null", JSON, 400),
        (b'"text"', JSON, 400),
        (b"", JSON, 400),
        (b'{"email": "\\ud800", "password": "x"}', JSON, 400),
        (b'{"email": "\\u0000", "password": "x"}', JSON, 400),
        (b'{"email": ' + b"9" * 10_000 + b"}", JSON, 400),
        (b'{"email": {"a": []}, "password": ["x"]}', JSON, 400),
        (json.dumps({"email": "x" * 2_000_000}).encode(), JSON, 413),
        (b"{}", "application/json; charset=nonsense", 400),
        (b"email=a", "application/x-www-form-urlencoded", 415),
        (b"<a/>", "text/xml", 415),
        (b"{}", "", 415),
        (b"{}", "multipart/form-data; boundary=x", 415),
    ],
)
def test_bodies(client: APIClient, body: bytes, content_type: str, status: int) -> None:
    answer = client.generic("POST", "/api/auth/token", cast(str, body), content_type=content_type)
    assert answer.status_code == status, answer.content
    shape(answer)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("DELETE", "/api/products", {}, 401),
        ("PUT", "/api/auth/token", {}, 405),
        ("GET", "/api/products", {"accept": "text/html"}, 406),
        ("GET", "/api/categories", {"accept": "text/html"}, 406),
        ("GET", "/api/nothing", {}, 404),
        ("GET", "/api/products/", {}, 404),
        ("GET", "/%00", {}, 404),
        ("GET", "/api/me", {"authorization": "Bearer"}, 401),
        ("GET", "/api/me", {"authorization": "Basic abc"}, 401),
        ("POST", "/admin/login/", {}, 200),
    ],
)
def test_requests(client: APIClient, method: str, path: str, headers: dict[str, str], status: int) -> None:
    answer = client.generic(method, path, headers=headers)
    assert answer.status_code == status
    if status >= 400:
        shape(answer)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{}, KEY])
def test_a_commit_that_may_have_been_one(
    lost_commit: Callable[[], None], staff: APIClient, headers: dict[str, str]
) -> None:
    """The route does not know keys."""
    Category.objects.create(slug="tea", name="Tea")
    lost_commit()
    body = {"sku": "T-1", "name": "Assam", "price": "3.50", "category": "tea"}
    answer = staff.post("/api/products", body, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == UNKNOWN
    assert "Retry-After" not in answer
    shape(answer)
    assert Product.objects.filter(sku="T-1").exists()


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("route", "headers", "told"),
    [
        ("/two-steps", {}, UNKNOWN),
        ("/two-steps", KEY, UNKNOWN),
        ("/two-steps-by-key", {}, UNKNOWN),
        ("/two-steps-by-key", KEY, TRY_AGAIN),
    ],
)
def test_a_part_that_is_done(
    client: APIClient, route: str, headers: dict[str, str], told: tuple[int, str]
) -> None:
    answer = client.post(route, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == told
    assert ("Retry-After" in answer) is (told == TRY_AGAIN)


@pytest.mark.django_db(transaction=True)
def test_a_counted_attempt_is_no_part(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(**_: Any) -> None:
        raise OperationalError("the database system is shutting down")

    monkeypatch.setattr(operations, "login", gone)
    answer = client.post("/api/auth/token", {"email": "ada@shop.example", "password": "x"})
    assert LoginAttempts.objects.exists()
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "service_unavailable")
    assert "Retry-After" in answer


@pytest.mark.django_db
def test_the_database_going_away_is_a_503(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import connection

    def gone(*arguments: Any) -> None:
        raise OperationalError("the database system is shutting down")

    monkeypatch.setattr(connection, "ensure_connection", gone)
    answer = client.get("/api/products")
    monkeypatch.undo()
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    shape(answer)
