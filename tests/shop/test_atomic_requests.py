"""A host where each request is a transaction: its begin and its end are outside of any view."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.urls import path
from rest_framework.test import APIClient

from shop.catalog.models import Category, Product
from strangler.chassis import health
from strangler.chassis.ports import DomainNotHosted
from strangler.chassis.whole_document import OwnDocument

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def atomic_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*arguments: Any) -> None:
        raise OperationalError("the database system is shutting down")

    connection.close()
    monkeypatch.setattr(connection, "connect", gone)


def fails(error: Exception) -> Any:
    def view(request: Any) -> None:
        raise error

    return view


urlpatterns = [
    *health.urlpatterns,
    path("internal/schema", OwnDocument.as_view()),
    path("gone", fails(OperationalError("server closed the connection unexpectedly"))),
    path("elsewhere", fails(DomainNotHosted("books.book was called"))),
    path("defect", fails(KeyError("a defect"))),
]
handler500 = "strangler.chassis.problems.server_error"


def told(answer: Any) -> tuple[int, str, bool]:
    return answer.status_code, answer.json()["errors"][0]["code"], "Retry-After" in answer


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_transaction_that_cannot_begin(client: APIClient, method: str) -> None:
    answer = getattr(client, method)("/api/products")
    assert told(answer) == (503, "service_unavailable", True)


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("away")
@pytest.mark.parametrize(("route", "status"), [("livez", 200), ("readyz", 503), ("internal/schema", 200)])
def test_what_needs_no_database(client: APIClient, route: str, status: int) -> None:
    answer = client.get(f"/{route}")
    assert (answer.status_code, "errors" in answer.json()) == (status, False)


def test_a_transaction_whose_end_is_unknown(lost_commit: Callable[[], None], staff: APIClient) -> None:
    Category.objects.create(slug="tea", name="Tea")
    lost_commit()
    body = {"sku": "T-1", "name": "Assam", "price": "3.50", "category": "tea"}
    assert told(staff.post("/api/products", body)) == (502, "outcome_unknown", False)
    assert Product.objects.filter(sku="T-1").exists()


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("route", "answer"),
    [
        ("gone", (503, "service_unavailable", True)),
        ("elsewhere", (503, "service_unavailable", True)),
        ("defect", (500, "error", False)),
    ],
)
def test_a_view_without_rest_framework(client: APIClient, route: str, answer: tuple[int, str, bool]) -> None:
    assert told(client.get(f"/{route}")) == answer
