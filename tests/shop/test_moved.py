"""The shop's catalogue has moved to another host: what its customers, its staff and their admin meet."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.test import APIClient

from shop.accounts.models import User
from shop.catalog.models import Category, Product
from strangler.chassis import instances, ownership
from strangler.chassis.forwarding import middleware
from strangler.chassis.forwarding.carrying import AnswerLost
from strangler.chassis.ownership import schema
from tests.shop.conftest import as_user

TABLES = ("catalog_product", "catalog_category", "catalog_revision")


@pytest.fixture
def product(transactional_db: None) -> Iterator[Product]:
    """A product whose domain another host owns since epoch 2; nobody there answers."""
    shelf = Category.objects.create(slug="tea", name="Tea")
    product = Product.objects.create(sku="T-1", name="Assam", price="3.50", category=shelf)
    with connection.cursor() as cursor:
        cursor.execute(schema.SCHEMA.replace("%", "%%"), [])
        for table in TABLES:
            cursor.execute(schema.FENCE.format(table=table, domain="'catalog'"))
        cursor.execute("INSERT INTO strangler.ownership VALUES ('catalog', 'monolith', 'elsewhere', 2)")
        yield product
        for table in TABLES:
            cursor.execute(schema.UNFENCE.format(table=table))
        cursor.execute("DROP SCHEMA strangler CASCADE")
    ownership.forget("catalog")


def test_write_is_unavailable_while_its_owner_cannot_be_found(product: Product, make_user: Any) -> None:
    staff = as_user(make_user(is_staff=True))
    answer = staff.patch(f"/api/products/{product.pk}", {"price": "4.00"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json()["errors"][0]["code"] == "service_unavailable"
    assert ownership.owner_of("catalog") == "elsewhere"
    assert staff.get(f"/api/products/{product.pk}").json()["price"] == "3.50"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("route", "headers", "sent", "told"),
    [
        ("/api/checkout", {"Idempotency-Key": "k"}, 2, (503, "service_unavailable")),
        ("/api/checkout", {}, 1, (502, "outcome_unknown")),
        ("/api/stock/1/adjust", {"Idempotency-Key": "k"}, 1, (502, "outcome_unknown")),
    ],
)
def test_write_whose_answer_was_lost_is_sent_again_once_if_at_all(
    monkeypatch: pytest.MonkeyPatch,
    staff: APIClient,
    route: str,
    headers: dict[str, str],
    sent: int,
    told: tuple[int, str],
) -> None:
    """The owner takes what it is sent and gives no answer, ever."""
    taken: list[str] = []

    def lost(request: HttpRequest, *_: Any) -> HttpResponse:
        taken.append(request.path)
        raise AnswerLost("elsewhere: it hung up")

    monkeypatch.setattr(middleware, "carry", lost)
    monkeypatch.setitem(instances._known, "elsewhere", (0.0, ["127.0.0.1:1"]))
    for domain in ("orders", "inventory"):
        ownership.learn(domain, "elsewhere", 2)
    try:
        answer = staff.post(route, {}, headers=headers)
    finally:
        for domain in ("orders", "inventory"):
            ownership.forget(domain)
    assert taken == [route] * sent
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == told
    assert ("Retry-After" in answer.headers) is (told[0] == 503)


urlpatterns = [path("backoffice/", admin.site.urls)]


@pytest.mark.parametrize(
    "root", ["admin", pytest.param("backoffice", marks=pytest.mark.urls("tests.shop.test_moved"))]
)
def test_admin_says_where_the_domain_is(product: Product, root: str) -> None:
    staff = Client()
    staff.force_login(
        User.objects.create_superuser(email="root@shop.example", password="secret", name="Root")
    )
    form = f"/{root}/catalog/product/{product.pk}/change/"
    fields = {"sku": "T-1", "name": "Darjeeling", "price": "3.50", "currency": "EUR", "category": "tea"}
    for _ in range(2):  # the first learns of the move, the second knows
        answer = staff.post(form, fields, follow=True)
        assert answer.redirect_chain == [(form, 302)]
        assert "catalog has moved to the host elsewhere" in answer.content.decode()
    product.refresh_from_db()
    assert product.name == "Assam"


@pytest.mark.parametrize("page", ["inventory/stockitem", "orders/order", "notifications/notification"])
def test_admin_searches(product: Product, page: str) -> None:
    staff = Client()
    staff.force_login(
        User.objects.create_superuser(email="root@shop.example", password="secret", name="Root")
    )
    for query in ("5", "tea"):
        assert staff.get(f"/admin/{page}/?q={query}").status_code == 200
