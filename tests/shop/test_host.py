"""The monolith as Django sees it: settings, seeds, admin, the API document."""

import os
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import get_resolver

from shop.accounts.models import Address, User
from shop.accounts.seed import PASSWORD, STAFF
from shop.catalog.models import Category, Product
from strangler.chassis.django import database, mail
from tests.python_path import PYTHON_PATH, ROOT


@pytest.mark.django_db
class TestSeed:
    def test_is_the_same_every_time_and_harmless_to_repeat(self) -> None:
        call_command("seed", stdout=StringIO())
        assert (Product.objects.count(), Category.objects.count()) == (1000, 12)
        assert (User.objects.count(), Address.objects.count()) == (51, 51)
        assert User.objects.get(email=STAFF).check_password(PASSWORD)
        first = list(Product.objects.order_by("id").values_list("id", "sku", "name", "price"))
        assert first[0][0] == 1
        assert len({name for _, _, name, _ in first}) == 1000
        Product.objects.filter(id=1).update(name="Renamed by staff")
        out = StringIO()
        call_command("seed", stdout=out)
        again = list(Product.objects.order_by("id").values_list("id", "sku", "name", "price"))
        assert again[1:] == first[1:]
        assert again[0][2] == "Renamed by staff"
        assert "none of them new" in out.getvalue()

    def test_new_products_do_not_collide_with_seeded_ids(self) -> None:
        call_command("seed", stdout=StringIO())
        assert Product.objects.create(sku="X", name="X", price=1, category_id="garden").id > 1000


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("said", "users"), [("demo", 51), ("none", 0), ("", 0), (None, 0)])
def test_a_host_is_seeded_where_it_is_told(
    monkeypatch: pytest.MonkeyPatch, said: str | None, users: int
) -> None:
    """Everybody knows the password of the seeded member of staff."""
    monkeypatch.delenv("BROKER_URL", raising=False)
    monkeypatch.delenv("SEED", raising=False)
    if said is not None:
        monkeypatch.setenv("SEED", said)
    call_command("prepare", verbosity=0, stdout=StringIO())
    assert User.objects.count() == users


@pytest.mark.parametrize("missing", ["SECRET_KEY", "CONFIG_KEY", "DATABASE_URL"])
def test_what_is_missing_is_named(missing: str) -> None:
    environment = {**os.environ, "PYTHONPATH": PYTHON_PATH, missing: ""}
    done = subprocess.run(
        [sys.executable, "monolith/manage.py", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"{missing} is not set" in done.stderr.strip().splitlines()[-1]


class TestDatabase:
    URL = "postgresql://shop:secret@db:5432/shop"

    @pytest.mark.parametrize(
        ("process", "lasting"), [("web", True), ("worker", True), ("relay", False), ("", False)]
    )
    def test_web_processes_and_workers_keep_their_connections(
        self, monkeypatch: pytest.MonkeyPatch, process: str, lasting: bool
    ) -> None:
        monkeypatch.setenv("PROCESS", process)
        entry = database(self.URL)
        assert entry["CONN_MAX_AGE"] == (None if lasting else 0)
        assert entry["CONN_HEALTH_CHECKS"] == lasting

    @pytest.mark.parametrize(("process", "bounded"), [("web", True), ("worker", True), ("migrate", False)])
    def test_what_serves_is_bounded(
        self, monkeypatch: pytest.MonkeyPatch, process: str, bounded: bool
    ) -> None:
        monkeypatch.setenv("PROCESS", process)
        options = database(self.URL)["OPTIONS"]["options"]
        assert ("statement_timeout" in options) == bounded
        assert "lock_timeout" in options

    @pytest.mark.parametrize("process", ["web", "migrate"])
    def test_a_server_that_vanished_is_given_up(self, monkeypatch: pytest.MonkeyPatch, process: str) -> None:
        monkeypatch.setenv("PROCESS", process)
        options = database(self.URL)["OPTIONS"]
        silent = options["keepalives_idle"] + options["keepalives_count"] * options["keepalives_interval"]
        assert 0 < silent <= 20
        assert options["tcp_user_timeout"] == 20_000, "what was sent and never acknowledged, in milliseconds"
        assert 0 < options["connect_timeout"] <= 3

    def test_mail(self) -> None:
        settings = mail("smtp://smtp:2525")
        assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"]) == ("smtp", 2525)


@pytest.mark.django_db
class TestAdmin:
    @pytest.fixture
    def admin(self) -> Client:
        User.objects.create_superuser(STAFF, PASSWORD, name="Sam")
        client = Client()
        assert client.login(email=STAFF, password=PASSWORD)
        return client

    @pytest.mark.parametrize(
        "page",
        [
            "accounts/user/",
            "accounts/user/add/",
            "accounts/address/",
            "accounts/signingkey/",
            "catalog/product/",
            "catalog/category/",
            "notifications/notification/",
            "inventory/stockitem/",
            "orders/order/",
            "payments/payment/",
        ],
    )
    def test_pages(self, admin: Client, page: str) -> None:
        assert admin.get(f"/admin/{page}").status_code == 200

    @pytest.mark.parametrize(
        "page", ["inventory/stockitem", "inventory/stockmovement", "payments/payment", "orders/order"]
    )
    def test_what_only_the_domains_code_writes(self, admin: Client, page: str) -> None:
        assert admin.get(f"/admin/{page}/add/").status_code == 403

    def test_users_are_kept_in_lower_case(self, admin: Client) -> None:
        new = {"email": "Mixed@Shop.example", "name": "M", "password1": PASSWORD, "password2": PASSWORD}
        new |= {"usable_password": "true"}
        assert admin.post("/admin/accounts/user/add/", new).status_code == 302
        assert User.objects.filter(email="mixed@shop.example").exists()
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(email="mixed@shop.example").update(email="Mixed@shop.example")

    def test_a_category_is_renamed_and_its_slug_stays(self, admin: Client) -> None:
        assert admin.post("/admin/catalog/category/add/", {"slug": "x", "name": "X"}).status_code == 302
        category = Category.objects.get(slug="x")
        Product.objects.create(sku="X", name="X", price=1, category=category)
        page = f"/admin/catalog/category/{category.pk}/change/"
        assert admin.post(page, {"slug": "y", "name": "Y"}).status_code == 302
        category.refresh_from_db()
        assert (category.slug, category.name) == ("x", "Y")

    def test_logins_count_with_the_apis(self, admin: Client, login_rate: Any) -> None:
        login_rate("3/min")
        form = {"username": STAFF, "password": "wrong"}
        pages = [Client().post("/admin/login/", form).content.decode() for _ in range(2)]
        api = Client().post("/api/auth/token", {"email": STAFF, "password": "wrong"}, "application/json")
        assert api.status_code == 401
        pages.append(Client().post("/admin/login/", {**form, "password": PASSWORD}).content.decode())
        assert ["Too many attempts" in page for page in pages] == [False, False, True]

    def test_login_page_and_its_styles(self, client: Client) -> None:
        assert client.get("/admin/login/").status_code == 200
        styles = client.get("/static/admin/css/base.css")
        assert b"body" in b"".join(styles)
        styles.close()

    def test_checks_csrf(self) -> None:
        answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": STAFF, "password": "x"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "csrf_failed")

    def test_a_cookie_that_no_session_has_is_taken_away(self, client: Client) -> None:
        answer = client.get("/admin/", headers={"cookie": r'sessionid="\000aaaaaaaaaa"'})
        assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")
        assert answer.cookies["sessionid"].value == ""

    def test_the_api_knows_no_cookies(self, admin: Client) -> None:
        assert admin.get("/api/me").status_code == 401
        answer = admin.get("/api/products")
        assert not answer.cookies
        assert "Vary" not in answer or "Cookie" not in answer["Vary"]

    def test_security_headers(self, client: Client) -> None:
        answer = client.get("/api/categories")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
class TestDocument:
    @pytest.fixture
    def document(self, client: Client) -> dict[str, Any]:
        answer = client.get("/api/schema/")
        assert answer.status_code == 200
        document: dict[str, Any] = answer.json()
        return document

    def test_every_route_is_in_it(self, document: dict[str, Any]) -> None:
        routes = {
            str(pattern.pattern)
            for resolver in get_resolver().url_patterns
            for pattern in getattr(resolver, "url_patterns", [])
            if str(pattern.pattern).startswith(("api/", ".well-known/"))
        }
        assert len(document["paths"]) == len(routes)

    def test_every_operation_documents_its_errors(self, document: dict[str, Any]) -> None:
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                answers = set(operation["responses"])
                assert {"400", "404", "405", "406", "429", "503"} <= answers, (method, path)
                if method in ("post", "put", "patch"):
                    assert {"413", "415"} <= answers, (method, path)
                if {} not in operation.get("security", [{}]):
                    assert {"401", "403"} <= answers, (method, path)

    def test_is_made_without_warnings(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("spectacular", "--validate", "--fail-on-warn")
        assert capsys.readouterr().err == ""
