"""Between domains: references here and afar, operations that fit their contract, bounded queries."""

from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from contracts.inventory import inventory
from shop.accounts.models import User
from shop.catalog.models import Category, Product
from shop.inventory import operations
from shop.orders.models import Order
from shop.payments.models import Payment
from strangler.chassis.ports import PortMismatch, check_implementation
from strangler.chassis.references import LocalReference, RemoteJoin, RemoteReference, reference


class Parcel(models.Model):
    """A row whose receiver lives in another host's database."""

    receiver = reference("elsewhere.User")

    class Meta:
        app_label = "parcels"

    def __str__(self) -> str:
        return str(self.pk)


def test_the_place_of_the_target_decides_the_field() -> None:
    here = Order._meta.get_field("user")
    afar = Parcel._meta.get_field("receiver")
    assert isinstance(here, LocalReference)
    assert isinstance(afar, RemoteReference)
    assert (here.column, afar.column) == ("user_id", "receiver_id")
    assert here.deconstruct()[1] == afar.deconstruct()[1] == "strangler.chassis.references.reference"


@pytest.mark.parametrize(
    "join",
    [
        lambda rows: rows.filter(receiver__email="a@b.example"),
        lambda rows: rows.exclude(receiver__email="a@b.example"),
        lambda rows: rows.order_by("receiver__email"),
        lambda rows: rows.values("receiver__email"),
        lambda rows: rows.annotate(email=models.F("receiver__email")),
    ],
    ids=["filter", "exclude", "order_by", "values", "annotate"],
)
def test_a_join_across_hosts_says_what_to_do(join: Callable[[Any], Any]) -> None:
    with pytest.raises(RemoteJoin, match=r"Parcel\.receiver .*contracts\.elsewhere.*receiver_id__in"):
        str(join(Parcel._default_manager.all()).query)


def test_select_related_across_hosts_is_refused() -> None:
    with pytest.raises(RemoteJoin, match=r"elsewhere.User.*prefetch_related\('receiver'\)"):
        str(Parcel._default_manager.select_related("receiver").query)


def test_a_hosted_reference_joins() -> None:
    assert "JOIN" in str(Order.objects.filter(user__email="a").query)


@pytest.mark.parametrize("change", ["missing", "other arguments"])
def test_operations_that_do_not_fit_their_contract_are_named(change: str) -> None:
    module = ModuleType("shop.inventory.operations")
    vars(module).update({n: f for n, f in vars(operations).items() if n in type(inventory).methods})
    check_implementation(type(inventory), module)
    if change == "missing":
        del vars(module)["reserve"]
    else:
        vars(module)["reserve"] = lambda *, order: None
    with pytest.raises(PortMismatch, match=r"shop\.inventory\.operations\.reserve"):
        check_implementation(type(inventory), module)


@pytest.mark.django_db
def test_a_longer_list_asks_no_more(customer: APIClient, user: User) -> None:
    def order(number: int) -> None:
        name = f"N{number}"
        Order.objects.create(
            number=name, user=user, email=user.email, address={}, total=Decimal("1.00"), currency="EUR"
        )
        Payment.objects.create(order=name, user=user, reference=name, amount=Decimal("1.00"), currency="EUR")

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert customer.get(path).status_code == 200
        return len(captured)

    order(0)
    customer.get("/api/orders")  # keys are fetched once
    before = queries("/api/orders")
    for number in range(1, 20):
        order(number)
    assert queries("/api/orders") == before <= 5


@pytest.mark.django_db
def test_an_orders_lines_stay_in_order_wherever_postgresql_puts_them(customer: APIClient, user: User) -> None:
    Category.objects.create(slug="garden", name="Garden")
    order = Order.objects.create(
        number="N", user=user, email=user.email, address={}, total=Decimal("2.00"), currency="EUR"
    )
    price = Decimal("1.00")
    for sku in "ABC":
        thing = Product.objects.create(sku=sku, name=sku, price=price, category_id="garden")
        if sku != "C":
            order.lines.create(product=thing, sku=sku, price=price, quantity=1, total=price)
    order.lines.filter(sku="A").update(product=thing)  # which writes the row anew, behind the other
    for path in ("/api/orders/N", "/api/orders/N/overview"):
        body = customer.get(path).json()
        assert [line["sku"] for line in body.get("order", body)["lines"]] == ["A", "B"]


@pytest.mark.django_db(transaction=True)
def test_a_token_that_outlived_its_user_fills_no_cart(customer: APIClient, user: User) -> None:
    Category.objects.create(slug="garden", name="Garden")
    spade = Product.objects.create(sku="S", name="Spade", price=Decimal("9.00"), category_id="garden")
    user.delete()
    answer = customer.put(f"/api/cart/lines/{spade.pk}", {"quantity": 1})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "authentication_failed")
