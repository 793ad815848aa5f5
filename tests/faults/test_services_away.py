"""Services that are away: their own pages say so, the rest goes on, and what was missed comes later, once."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from strangler.toolkit.stack import Stack
from tests.edge.client import Client, code
from tests.ports import wait_for
from tests.stacks import running

SECONDS = 45.0
PRODUCT, ADDRESS = 3, 1


class Customer(Client):
    """The first of the seeded customers."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.url, "customer-001@shop.example")
        self.sink = f"http://{stack.address('smtp', 8025)}/mails"

    def put(self, quantity: int) -> requests.Response:
        return self.ask("PUT", f"/api/cart/lines/{PRODUCT}", json={"quantity": quantity})

    def checkout(self) -> requests.Response:
        body = {"payment_token": "tok_ok", "address": ADDRESS}
        return self.ask("POST", "/api/checkout", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})

    def mails(self, number: str) -> list[Any]:
        """What was sent about the order."""
        found = requests.get(self.sink, timeout=30).json()
        return [mail for mail in found if number in mail["subject"]]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Stage 3, fresh from the seeds."""
    with running(3) as stack:
        yield stack


@pytest.fixture
def customer(stack: Stack) -> Customer:
    return Customer(stack)


@contextmanager
def away(stack: Stack, *services: str) -> Iterator[None]:
    """These services are stopped inside the block, and ready again after it."""
    for service in services:
        stack.supervisor.stop(service)
    try:
        yield
    finally:
        for service in services:
            stack.supervisor.run(service)
        stack.wait_ready(*services)


def eventually(ask: Callable[[], requests.Response], status: int) -> requests.Response:
    """The answer, as soon as it has this status."""
    answers: list[requests.Response] = []

    def answered() -> bool:
        answers.append(ask())
        return answers[-1].status_code == status

    wait_for(answered, seconds=SECONDS)
    return answers[-1]


def is_unavailable(answer: requests.Response) -> bool:
    """An honest 503, in the one error shape, that says when to come back."""
    return (
        answer.status_code == 503
        and "Retry-After" in answer.headers
        and code(answer) == "service_unavailable"
    )


def test_without_notifications_nobody_else_notices_and_mails_come_later(
    stack: Stack, customer: Customer
) -> None:
    with away(stack, "notifications-web", "notifications-rpc", "notifications-worker"):
        assert customer.put(1).status_code == 200
        placed = customer.checkout()
        assert placed.status_code == 201, placed.text
        number = placed.json()["number"]

        overview = customer.ask("GET", f"/api/orders/{number}/overview").json()

        assert overview["degraded"] == ["notifications"]
        assert overview["notifications"] is None
        assert overview["order"]["number"] == number
        assert is_unavailable(eventually(lambda: customer.ask("GET", "/api/notifications"), 503))
        assert customer.mails(number) == []

    wait_for(lambda: customer.mails(number), seconds=SECONDS)

    def overview_of() -> Any:
        return eventually(lambda: customer.ask("GET", f"/api/orders/{number}/overview"), 200).json()

    wait_for(lambda: overview_of()["degraded"] == [], seconds=SECONDS)
    overview = overview_of()
    assert [n["kind"] for n in overview["notifications"]] == ["order_placed"]
    assert overview["degraded"] == []
    assert len(customer.mails(number)) == 1


def test_without_the_catalogue_carts_go_on_at_the_last_known_price_or_say_503(
    stack: Stack, customer: Customer
) -> None:
    known = customer.put(1)
    assert known.status_code == 200
    with away(stack, "catalog-web", "catalog-rpc"):
        page = eventually(lambda: customer.ask("GET", f"/api/products/{PRODUCT}"), 503)
        assert is_unavailable(page)

        carts = [customer.put(quantity) for quantity in (2, 3, 1)]
        carts.append(eventually(lambda: customer.put(1), 200))  # by the process that knows it

        for cart in carts:
            # Each process remembers what it was told itself.
            assert cart.status_code == 200 or is_unavailable(cart), cart.text
        prices = {cart.json()["lines"][0]["price"] for cart in carts if cart.status_code == 200}
        assert prices <= {known.json()["lines"][0]["price"]}
        assert customer.ask("GET", "/api/orders").status_code == 200

    eventually(lambda: customer.ask("GET", f"/api/products/{PRODUCT}"), 200)
    assert eventually(lambda: customer.put(1), 200).json() == known.json()
    assert customer.checkout().status_code == 201


def test_without_inventory_a_product_says_nothing_of_its_stock(stack: Stack, customer: Customer) -> None:
    with away(stack, "rpc"):
        page = customer.ask("GET", f"/api/products/{PRODUCT}")
        assert page.status_code == 200
        assert page.json()["available"] is None
        listed = customer.ask("GET", "/api/products?page_size=5").json()
        assert [row["available"] for row in listed["results"]] == [None] * 5

    wait_for(
        lambda: customer.ask("GET", f"/api/products/{PRODUCT}").json()["available"] is not None,
        seconds=SECONDS,
    )
