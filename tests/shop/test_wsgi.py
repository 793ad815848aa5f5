"""What every request passes before Django: an encoding that is none, and the scheme that clients see."""

import json
from decimal import Decimal
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, connection
from django.test import Client

from shop.accounts.models import User
from shop.accounts.tokens import issue
from shop.catalog.models import Category, Product
from strangler.chassis.wsgi import wrap
from tests.ports import wait_for


def ask(path: str, **environ: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a GET through the whole WSGI application."""
    answered: list[Any] = []
    asked: dict[str, Any] = {"HTTP_HOST": "127.0.0.1", "PATH_INFO": path, "RAW_URI": path, **environ}
    setup_testing_defaults(asked)
    application = wrap(get_wsgi_application())
    body = b"".join(application(asked, lambda status, headers, *_: answered.append((status, headers))))
    status, headers = answered[0]
    return int(status[:3]), dict(headers), body


@pytest.mark.django_db(transaction=True)
class TestCharset:
    @pytest.mark.parametrize("charset", ["zlib", "rot13", "base64", "punycode", "undefined", "idna"])
    def test_only_utf8_is_read(self, charset: str) -> None:
        content_type = f'application/json; Charset = "{charset}"'
        status, headers, body = ask("/api/categories", CONTENT_TYPE=content_type, QUERY_STRING="page=1")
        problem = {"code": "unsupported_media_type", "detail": "Only UTF-8 is read.", "attr": None}
        assert (status, json.loads(body)) == (415, {"type": "client_error", "errors": [problem]})
        assert headers["X-Request-Id"]

    @pytest.mark.parametrize("given", ["", "; charset=UTF-8", '; charset="utf-8"', "; charset=us-ascii"])
    def test_what_clients_send(self, given: str) -> None:
        assert ask("/api/categories", CONTENT_TYPE=f"application/json{given}")[0] == 200


@pytest.mark.django_db
def test_who_it_is_cannot_be_said_without_keys(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issue(user=user, kind="access")

    def gone() -> None:
        raise OperationalError("the database system is shutting down")

    monkeypatch.setattr(connection, "cursor", gone)
    status, headers, body = ask("/internal/auth", HTTP_AUTHORIZATION=f"Bearer {token}")
    monkeypatch.undo()
    told = json.loads(body)
    assert (status, told["type"], told["errors"][0]["code"]) == (503, "server_error", "service_unavailable")
    assert headers["Retry-After"]
    assert headers["X-Request-Id"]
    # The keys are asked for again a second later.
    wait_for(lambda: ask("/internal/auth", HTTP_AUTHORIZATION=f"Bearer {token}")[0] == 200, seconds=5)


@pytest.mark.django_db(transaction=True)
class TestScheme:
    def test_links_say_what_clients_see(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Category.objects.create(slug="garden", name="Garden")
        for sku in "AB":
            Product.objects.create(sku=sku, name=sku, price=Decimal("9.00"), category_id="garden")
        assert json.loads(ask("/api/products", QUERY_STRING="page_size=1")[2])["next"].startswith("http:")
        monkeypatch.setenv("PUBLIC_SCHEME", "https")
        assert json.loads(ask("/api/products", QUERY_STRING="page_size=1")[2])["next"].startswith("https:")

    def test_the_admins_login_behind_tls(self) -> None:
        """As the wrapper above tells Django: the Origin that a browser names then is ours."""
        client = Client(enforce_csrf_checks=True)
        page = client.get("/admin/login/", secure=True, headers={"host": "127.0.0.1"})
        form = {
            "username": "x@shop.example",
            "password": "x",
            "csrfmiddlewaretoken": page.cookies["csrftoken"].value,
        }
        headers = {"host": "127.0.0.1", "origin": "https://127.0.0.1"}
        assert client.post("/admin/login/", form, secure=True, headers=headers).status_code == 200
