"""The shop behind its gateway, and people who use it."""

import uuid
from collections.abc import Callable

import pytest

from strangler.toolkit.stack import Stack
from tests.edge.client import STAFF, Client


@pytest.fixture
def stack(stage_1: Stack) -> Stack:
    return stage_1


@pytest.fixture(scope="session")
def logged_in(stage_1: Stack) -> Callable[[str], Client]:
    """A user whose token lasts for a while. Each logs in once, not to be throttled."""
    known: dict[str, Client] = {}

    def client(email: str) -> Client:
        if email not in known:
            known[email] = Client(stage_1.url, email)
        known[email].renew()
        return known[email]

    return client


@pytest.fixture
def customer(logged_in: Callable[[str], Client]) -> Client:
    return logged_in("customer-001@shop.example")


@pytest.fixture
def other(logged_in: Callable[[str], Client]) -> Client:
    return logged_in("customer-002@shop.example")


@pytest.fixture
def staff(logged_in: Callable[[str], Client]) -> Client:
    return logged_in(STAFF)


@pytest.fixture
def product(staff: Client) -> int:
    """The id of a product with a hundred pieces, which no other test has seen."""
    body = {"sku": uuid.uuid4().hex[:12], "name": "Lamp", "price": "9.50", "category": "kitchen"}
    made = staff.ask("POST", "/api/products", json={**body, "description": "Made for a test."})
    assert made.status_code == 201, made.text
    number = int(made.json()["id"])
    delivery = {"delta": 100, "reason": "delivery"}
    assert staff.ask("POST", f"/api/stock/{number}/adjust", json=delivery).status_code == 200
    return number


@pytest.fixture
def anonymous(stack: Stack) -> Client:
    return Client(stack.url)
