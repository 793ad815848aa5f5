"""Browsing the catalogue, and staff changing it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from contracts.catalog import catalog
from contracts.inventory import Stock, inventory
from shop.catalog import listing, operations, views
from shop.catalog.models import Category, Product
from shop.catalog.serializers import ProductSerializer, parse_filters
from strangler.chassis.ports import DomainNotHosted

BODY = {"sku": "NEW-1", "name": "New", "description": "", "price": "12.30", "category": "garden"}


@pytest.fixture(autouse=True)
def shelves(db: None) -> None:
    Category.objects.bulk_create(Category(slug=s, name=s.title()) for s in ("kitchen", "garden"))


@pytest.fixture
def products(shelves: None) -> list[Product]:
    return Product.objects.bulk_create(
        Product(
            sku=f"SKU-{n:02d}",
            name=f"Thing {n:02d}",
            description="100% wool_en" if n == 7 else "",
            price=Decimal(n) + Decimal("0.50"),
            category_id="kitchen" if n % 2 else "garden",
        )
        for n in range(1, 26)
    )


@pytest.fixture(autouse=True)
def stock(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Pieces by product, as inventory tells them."""
    pieces: dict[int, int] = {}

    def answer(self: Any, *, products: list[int]) -> dict[int, Stock]:
        return {
            p: Stock(product=p, on_hand=pieces[p] + 1, reserved=1, available=pieces[p])
            for p in products
            if p in pieces
        }

    monkeypatch.setattr(type(inventory), "stock", answer)
    return pieces


def names(answer: Any) -> list[str]:
    return [row["name"] for row in answer.json()["results"]]


class TestList:
    def test_a_page_and_its_neighbours(
        self, client: APIClient, products: list[Product], stock: dict[int, int]
    ) -> None:
        stock[products[0].id] = 4
        first = client.get("/api/products").json()
        assert (first["count"], first["previous"]) == (25, None)
        assert first["next"] == "http://testserver/api/products?page=2"
        assert first["results"][0] == {
            "id": products[0].id,
            "sku": "SKU-01",
            "name": "Thing 01",
            "description": "",
            "price": "1.50",
            "currency": "EUR",
            "category": "kitchen",
            "available": 4,
        }
        assert first["results"][1]["available"] == 0
        second = client.get(first["next"]).json()
        assert (len(second["results"]), second["next"]) == (5, None)
        assert second["previous"] == "http://testserver/api/products"

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("category=garden&max_price=5", ["Thing 02", "Thing 04"]),
            ("category=nowhere", []),
            ("min_price=24.50", ["Thing 24", "Thing 25"]),
            ("search=THING 03", ["Thing 03"]),
            ("search=sku-04", ["Thing 04"]),
            ("search=100%25", ["Thing 07"]),
            ("search=l_e", ["Thing 07"]),
            ("search=T_ing", []),
            ("search=' OR 1=1 --", []),
            ("search=\\", []),
            ("ordering=-price&page_size=2", ["Thing 25", "Thing 24"]),
            ("ordering=name&page_size=1&page=3", ["Thing 03"]),
            ("category=&search=&page_size=1", ["Thing 01"]),
        ],
    )
    def test_filters(
        self, client: APIClient, products: list[Product], query: str, expected: list[str]
    ) -> None:
        assert names(client.get(f"/api/products?{query}")) == expected

    @pytest.mark.parametrize(
        ("query", "attr"),
        [
            ("min_price=abc", "min_price"),
            ("max_price=NaN", "max_price"),
            ("max_price=1e999999", "max_price"),
            ("min_price=-1", "min_price"),
            ("ordering=id;drop", "ordering"),
            ("search=%00", "search"),
            ("search=" + "x" * 101, "search"),
            ("category=%00", "category"),
        ],
    )
    def test_bad_filters_are_named(self, client: APIClient, query: str, attr: str) -> None:
        answer = client.get(f"/api/products?{query}")
        assert answer.status_code == 400
        assert [error["attr"] for error in answer.json()["errors"]] == [attr]

    @pytest.mark.parametrize("page", ["0", "-1", "3", "abc", "9" * 30, "9" * 5000, "1e3", "%00"])
    def test_pages_that_are_not_there(self, client: APIClient, products: list[Product], page: str) -> None:
        assert client.get(f"/api/products?page={page}").status_code == 404

    @pytest.mark.parametrize(("size", "length"), [("0", 20), ("-3", 20), ("x", 20), ("1000", 25), ("7", 7)])
    def test_page_sizes(self, client: APIClient, products: list[Product], size: str, length: int) -> None:
        assert len(names(client.get(f"/api/products?page_size={size}"))) == length

    def test_an_empty_catalogue_has_a_first_page(self, client: APIClient) -> None:
        empty: dict[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}
        for page in ("", "last"):
            assert client.get(f"/api/products?page={page}").json() == empty

    @pytest.mark.parametrize("error", [OperationalError("gone"), DomainNotHosted("gone")])
    def test_inventory_down_leaves_availability_open(
        self, client: APIClient, products: list[Product], monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def fail(self: Any, **arguments: Any) -> None:
            raise error

        monkeypatch.setattr(type(inventory), "stock", fail)
        assert {row["available"] for row in client.get("/api/products").json()["results"]} == {None}
        assert client.get(f"/api/products/{products[0].id}").json()["available"] is None

    def test_one_statement_however_many_rows(
        self,
        client: APIClient,
        products: list[Product],
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for page in ("page_size=1", "page_size=25", "page_size=10&page=last"):
            with django_assert_num_queries(1):
                client.get(f"/api/products?{page}&search=thing&ordering=price")

    def test_two_statements_with_inventory(
        self,
        client: APIClient,
        products: list[Product],
        monkeypatch: pytest.MonkeyPatch,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        monkeypatch.undo()
        with django_assert_num_queries(2):
            assert len(names(client.get("/api/products?page_size=100"))) == 25
        with django_assert_num_queries(2):
            assert len(names(client.get("/api/products?page_size=10&page=last"))) == 5

    def test_a_wrong_token_does_not_matter_to_readers(
        self, client: APIClient, products: list[Product]
    ) -> None:
        client.credentials(HTTP_AUTHORIZATION="Bearer rubbish")
        assert client.get("/api/products").status_code == 200

    def test_a_foreign_host_is_refused(self, client: APIClient) -> None:
        answer = client.get("/api/products", headers={"host": "evil.example"})
        assert (answer.status_code, answer.json()["type"]) == (400, "client_error")


@pytest.mark.django_db(transaction=True)
class TestKeptPages:
    """A page is read anew exactly when the catalogue has changed."""

    def count(self, client: APIClient) -> int:
        found: int = client.get("/api/products").json()["count"]
        return found

    def test_is_not_read_twice(
        self,
        client: APIClient,
        products: list[Product],
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        first = client.get("/api/products").json()
        with django_assert_num_queries(1) as captured:
            assert client.get("/api/products").json() == first
        assert captured[0]["sql"] == listing.REVISION

    @pytest.mark.parametrize(
        "change",
        [
            lambda: Product.objects.filter(sku="SKU-01").update(active=False),
            lambda: Product.objects.filter(sku="SKU-01").delete(),
            lambda: connection.cursor().execute("TRUNCATE catalog_product CASCADE"),
        ],
    )
    def test_shows_every_change_at_once(
        self, client: APIClient, products: list[Product], change: Any
    ) -> None:
        assert self.count(client) == 25
        change()
        assert self.count(client) < 25
        Product.objects.create(sku="BACK", name="Back", price=1, category_id="garden")
        assert names(client.get("/api/products?search=back")) == ["Back"]

    def test_a_change_that_was_taken_back_leaves_nothing_behind(
        self, client: APIClient, products: list[Product]
    ) -> None:
        assert self.count(client) == 25
        with transaction.atomic():
            Product.objects.update(active=False)
            assert self.count(client) == 0
            transaction.set_rollback(True)
        assert self.count(client) == 25

    def test_availability_is_never_kept(
        self, client: APIClient, products: list[Product], stock: dict[int, int]
    ) -> None:
        for pieces in (3, 2):
            stock[products[0].id] = pieces
            assert client.get("/api/products").json()["results"][0]["available"] == pieces

    def test_no_more_than_so_many_are_kept(self, client: APIClient, products: list[Product]) -> None:
        for n in range(listing.KEPT_PAGES + 5):
            client.get(f"/api/products?min_price=0.{n % 100:02d}&page_size={n // 100 + 1}")
        assert len(listing._pages) <= listing.KEPT_PAGES


class TestOne:
    def test_found(self, client: APIClient, products: list[Product], stock: dict[int, int]) -> None:
        stock[products[2].id] = 9
        found = client.get(f"/api/products/{products[2].id}")
        assert (found.json()["sku"], found.json()["available"]) == ("SKU-03", 9)
        assert found["Content-Type"] == "application/json"

    @pytest.mark.parametrize("product", ["0", "999999", str(2**63), "9" * 30, "abc", "-1", "1.0", "%00"])
    def test_not_found(self, client: APIClient, product: str) -> None:
        answer = client.get(f"/api/products/{product}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found")

    def test_categories(self, client: APIClient) -> None:
        assert client.get("/api/categories").json()["results"] == [
            {"slug": "garden", "name": "Garden"},
            {"slug": "kitchen", "name": "Kitchen"},
        ]


class TestStaff:
    def test_creates_changes_withdraws(self, staff: APIClient, client: APIClient) -> None:
        created = staff.post("/api/products", BODY)
        assert created.status_code == 201
        assert created.json() == {**BODY, "id": created.json()["id"], "currency": "EUR", "available": 0}
        path = f"/api/products/{created.json()['id']}"
        assert client.get(path).json() == created.json()
        changed = staff.patch(path, {"price": 13, "category": "kitchen"})
        assert changed.json() == {**created.json(), "price": "13.00", "category": "kitchen"}
        assert staff.delete(path).status_code == 204
        assert staff.delete(path).status_code == staff.patch(path, {}).status_code == 404
        assert client.get(path).status_code == 404
        assert client.get("/api/products").json()["count"] == 0
        product = catalog.products(ids=[created.json()["id"]])[created.json()["id"]]
        assert (product.active, product.price) == (False, Decimal("13.00"))

    def test_a_sku_is_taken_once(self, staff: APIClient, products: list[Product]) -> None:
        for answer in (
            staff.post("/api/products", {**BODY, "sku": "SKU-01"}),
            staff.patch(f"/api/products/{products[1].id}", {"sku": "SKU-01"}),
        ):
            assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "sku")

    @pytest.mark.parametrize(
        ("change", "attr"),
        [
            ({"price": "-1"}, "price"),
            ({"price": "1.234"}, "price"),
            ({"price": "1e30"}, "price"),
            ({"price": "NaN"}, "price"),
            ({"price": 10**400}, "price"),
            ({"price": True}, "price"),
            ({"category": "nowhere"}, "category"),
            ({"category": 5}, "category"),
            ({"category": ["garden"]}, "category"),
            ({"category": {"a": 1}}, "category"),
            ({"category": "\x00"}, "category"),
            ({"sku": "a b"}, "sku"),
            ({"sku": "x" * 41}, "sku"),
            ({"name": "\x00"}, "name"),
            ({"description": "x" * 5001}, "description"),
            ({"currency": "eur"}, "currency"),
            ({"currency": "JPY"}, "currency"),
        ],
    )
    def test_bad_input_names_its_field(self, staff: APIClient, change: dict[str, Any], attr: str) -> None:
        answer = staff.post("/api/products", {**BODY, **change})
        assert answer.status_code == 400, answer.content
        assert {error["attr"] for error in answer.json()["errors"]} == {attr}

    def test_half_a_surrogate_pair(self, staff: APIClient) -> None:
        body = json.dumps({**BODY, "name": "\ud800"})
        answer = staff.generic("POST", "/api/products", body, content_type="application/json")
        assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "name")

    def test_customers_may_not(self, customer: APIClient, client: APIClient, products: list[Product]) -> None:
        path = f"/api/products/{products[0].id}"
        for caller, status in ((customer, 403), (client, 401)):
            assert caller.post("/api/products", BODY).status_code == status
            assert caller.patch(path, {"price": "1"}).status_code == status
            assert caller.delete(path).status_code == status


def test_what_is_withdrawn_meanwhile_was_written_all_the_same(
    staff: APIClient, products: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    def withdrawn(*, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As another one does it between the commit and the answer."""
        assert operations.withdraw_product(product=rows[0]["id"])
        return [{**row, "available": 0} for row in rows]

    monkeypatch.setattr(operations, "with_availability", withdrawn)
    changed = staff.patch(f"/api/products/{products[0].pk}", {"name": "Changed"})
    assert (changed.status_code, changed.json()["name"]) == (200, "Changed")
    created = staff.post("/api/products", BODY)
    assert (created.status_code, created.json()["sku"]) == (201, BODY["sku"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("slug", ["garden", "sku-shelf"])
def test_a_category_that_is_deleted_meanwhile(
    staff: APIClient, monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    """Between the form's look and the commit, when the database looks."""
    Category.objects.get_or_create(slug=slug)

    def looked(_: Any, slug: str) -> str:
        Category.objects.filter(slug=slug).delete()
        return slug

    monkeypatch.setattr(ProductSerializer, "validate_category", looked)
    answer = staff.post("/api/products", {**BODY, "category": slug})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["attr"], error["code"]) == (400, "category", "does_not_exist")
    assert not Product.objects.filter(sku=BODY["sku"]).exists()


def test_a_sku_that_is_taken_meanwhile(products: list[Product]) -> None:
    with transaction.atomic(), pytest.raises(operations.SkuTaken):
        operations.create_product(
            sku="SKU-01", name="x", description="", price=Decimal(1), currency="EUR", category_id="garden"
        )


def test_only_short_queries_are_remembered(client: APIClient, products: list[Product]) -> None:
    memories = [parse_filters.kept, views._page.kept, views._link.kept]

    def remembered(query: str, **more: str) -> list[int]:
        before = [kept.cache_info().currsize for kept in memories]
        answer = client.get(f"/api/products?page_size=5&page=2&{query}", headers=more)
        assert answer.status_code == 200
        return [kept.cache_info().currsize - was for kept, was in zip(memories, before, strict=True)]

    for kept in memories:
        kept.cache_clear()
    assert remembered("x=short") == [1, 1, 2]
    assert remembered("x=short") == [0, 0, 0]
    assert remembered(f"x={'long' * 1000}") == [0, 0, 0]
    assert remembered("x=short", host=f"localhost:{'0' * 1000}80") == [0, 0, 0]


@pytest.mark.parametrize(
    "page", ["", "last", "2", "%2B2", "%202", "0", "-1", "1.0", "1_0", "%D9%A2", "9" * 5000]
)
@pytest.mark.parametrize("size", ["", "5", "10", "%2B10", "1_0", "0", "-3", "x", "%D9%A1%D9%A0", "9" * 5000])
def test_pages_are_those_of_every_other_list(
    client: APIClient, products: list[Product], page: str, size: str
) -> None:
    """Categories are listed by DRF itself."""
    Category.objects.bulk_create(Category(slug=f"c{n}", name=f"C{n}") for n in range(len(products) - 2))
    query = f"page={page}&page_size={size}"
    lists = [client.get(f"/api/{name}?{query}") for name in ("products", "categories")]
    ours, theirs = ((each.status_code, len(each.json().get("results", []))) for each in lists)
    assert ours == theirs
