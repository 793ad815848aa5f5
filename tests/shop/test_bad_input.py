"""Bad input on every route of the document: a 4xx in the one error shape, and nothing of anybody else."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import jwt
import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from shop.accounts.models import Address, User
from shop.accounts.tokens import issue
from shop.orders.models import Order
from shop.payments.models import Payment

JSON = "application/json"
HOSTILE = [
    "' OR 1=1 --",
    "%'; DROP TABLE catalog_product; --",
    "\\",
    "%",
    "\x00",
    "\ud800",
    "9" * 400,
    "-1",
    "NaN",
]
BODIES: dict[str, bytes] = {
    "broken": b'{"quantity": ',
    "not an object": b"[1, 2]",
    "a number": b"7",
    "null": b"null",
    "not UTF-8": b"\xff\xfe\x00",
    "deep": b"[" * 50_000,
    "huge": b'{"name": "' + b"x" * 2_000_000 + b'"}',
    "unknown fields": json.dumps({"nothing": 1, "is_staff": True, "__proto__": {}}).encode(),
}
WRONG: list[Any] = [None, True, [], {}, {"a": [1]}, 1e308, -1, 10**30, "", "\x00", "\ud800", "x" * 70_000]


def operations() -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Every method and path of the document, with its description and that of its body."""
    document = cast(Any, SchemaGenerator)().get_schema(request=None, public=True)
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            body = content.get(JSON, {}).get("schema", {})
            yield (
                method.upper(),
                path,
                operation,
                schemas[body["$ref"].split("/")[-1]] if "$ref" in body else body,
            )


OPERATIONS = list(operations())
NAMED = pytest.mark.parametrize(
    ("method", "path", "operation", "body"), OPERATIONS, ids=[f"{m} {p}" for m, p, _, _ in OPERATIONS]
)
PROTECTED = [(m, p) for m, p, operation, _ in OPERATIONS if {} not in operation.get("security", [{}])]


def filled(path: str, value: str = "1") -> str:
    return "/".join(value if part.startswith("{") else part for part in path.split("/"))


def refused(answer: Any, what: object = "") -> None:
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.content[:500])
    document = answer.json()
    assert set(document) == {"type", "errors"}, what
    assert document["errors"], what
    assert all(set(error) == {"code", "detail", "attr"} for error in document["errors"]), what


def no_defect(answer: Any, what: object = "") -> None:
    """It may be taken or refused, but in order."""
    if not 200 <= answer.status_code < 300:
        refused(answer, what)


def send(client: APIClient, method: str, path: str, body: bytes) -> Any:
    headers = {"Idempotency-Key": "bad-input"}
    return client.generic(method, path, data=cast(str, body), content_type=JSON, headers=headers)


def test_the_document_has_every_route() -> None:
    assert len(OPERATIONS) >= 24
    assert len(PROTECTED) >= 15


@pytest.mark.django_db
@NAMED
def test_bodies(
    staff: APIClient, method: str, path: str, operation: dict[str, Any], body: dict[str, Any]
) -> None:
    for what, content in BODIES.items():
        answer = send(staff, method, filled(path), content)
        # A partial change has no required fields; and what takes no body does not look at one.
        (refused if body and what != "unknown fields" else no_defect)(answer, what)


@pytest.mark.django_db
@NAMED
def test_wrong_types(
    staff: APIClient, method: str, path: str, operation: dict[str, Any], body: dict[str, Any]
) -> None:
    for field in body.get("properties", {}):
        for value in WRONG:
            content = json.dumps({field: value}).encode()
            no_defect(send(staff, method, filled(path), content), (field, str(value)[:80]))


@pytest.mark.django_db
@NAMED
def test_hostile_parts_of_the_address(
    staff: APIClient, method: str, path: str, operation: dict[str, Any], body: dict[str, Any]
) -> None:
    for value in HOSTILE:
        sent = value.encode("utf-8", "surrogatepass").decode("latin-1")
        if "{" in path:
            quoted = "".join(f"%{byte:02X}" for byte in value.encode("utf-8", "surrogatepass"))
            refused(send(staff, method, filled(path, quoted), b"{}"), value)
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and method == "GET":
                no_defect(staff.get(filled(path), {parameter["name"]: sent}), (parameter["name"], value))


def forged(user: User) -> dict[str, str]:
    """Tokens that nobody may get in with."""
    good = issue(user=user, kind="access")
    header, claims = jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})
    head, payload, signature = good.split(".")
    staff = base64.urlsafe_b64encode(json.dumps({**claims, "staff": True}).encode()).rstrip(b"=").decode()
    past = {**claims, "exp": datetime.now(UTC) - timedelta(days=1)}
    secret = "x" * 64
    return {
        "alg none": jwt.encode(claims, "", algorithm="none", headers={"kid": header["kid"]}),
        "HS256": jwt.encode(claims, secret, algorithm="HS256", headers={"kid": header["kid"]}),
        "expired and forged": jwt.encode(past, secret, algorithm="HS256"),
        "other claims": f"{head}.{staff}.{signature}",
        "no signature": f"{head}.{payload}.",
        "a refresh token": issue(user=user, kind="refresh"),
        "not a token": "a.b.c",
        "not ASCII": "\xff\xfe",
        "huge": "x" * 7000,
    }


@pytest.mark.django_db
def test_forged_tokens_on_every_protected_route(user: User) -> None:
    tokens = forged(user)
    for method, path in PROTECTED:
        for what, token in tokens.items():
            client = APIClient(raise_request_exception=False)
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
            answer = send(client, method, filled(path), b"{}")
            assert answer.status_code == 401, (what, method, path, answer.status_code)
            refused(answer, what)


@pytest.mark.django_db
def test_nothing_of_another_customer(customer: APIClient, make_user: Any) -> None:
    other = make_user("eve@shop.example")
    home = {"name": "Eve", "street": "Secret Lane 1", "city": "Bergen", "postcode": "5003", "country": "NO"}
    address = Address.objects.create(user=other, **home)
    order = Order.objects.create(
        number="EVESORDER001",
        user=other,
        email=other.email,
        address=home,
        total=Decimal("9.00"),
        currency="EUR",
    )
    Payment.objects.create(
        order=order.number, user=other, reference="ch_eve", amount=Decimal("9.00"), currency="EUR"
    )
    for method, path, _, _ in OPERATIONS:
        if "orders/{" in path or "addresses/{" in path:
            part = order.number if "orders/" in path else str(address.pk)
            answer = send(customer, method, filled(path, part), b"{}")
            assert answer.status_code == 404, (method, path)
            refused(answer)
    assert customer.get("/api/payments", {"order": order.number}).json()["results"] == []
    body = json.dumps({"payment_token": "tok_ok", "address": address.pk}).encode()
    answer = send(customer, "POST", "/api/checkout", body)
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "address")
    assert Address.objects.filter(pk=address.pk).exists()
    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED


@pytest.mark.django_db
def test_a_checkout_without_a_key_says_that_it_is_required(staff: APIClient) -> None:
    answer = staff.post("/api/checkout", {"payment_token": "tok_ok", "address": 1}, format="json")
    refused(answer)
    assert [(e["code"], e["attr"]) for e in answer.json()["errors"]] == [("required", "Idempotency-Key")]
