"""Checkout against real processes: many at once, and a payment provider or a process that fails."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import requests
from django.core.management import call_command
from django.utils import timezone

from shop.accounts.models import User
from shop.accounts.tokens import issue
from shop.inventory.models import StockItem, StockMovement
from shop.orders import checkout
from shop.orders.errors import EmptyCart
from shop.orders.models import CartLine, Order
from shop.payments.models import Intent, Payment
from shop.payments.operations import reconcile
from tests.ports import wait_for
from tests.shop_process import Shop

PRODUCT = 1
PIECES = 10


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A seeded shop with ten pieces of one product."""
    call_command("seed")
    StockItem.objects.filter(product_id=PRODUCT).update(on_hand=PIECES, reserved=0)
    shop = Shop(tmp_path)
    monkeypatch.setenv("PSP_URL", shop.psp_url)
    try:
        shop.start()
        yield shop
    finally:
        shop.kill()


class Buyer:
    """A customer with one piece in the cart."""

    def __init__(self, shop: Shop, user: User) -> None:
        self.shop, self.user = shop, user
        self.token = issue(user=user, kind="access")
        self.address = user.addresses.get().pk
        CartLine.objects.create(user=user, product_id=PRODUCT, quantity=1)

    def buy(self, key: str = "first", payment_token: str = "tok_ok") -> requests.Response:
        body = {"payment_token": payment_token, "address": self.address}
        headers = {"Idempotency-Key": key}
        return self.shop.ask("POST", "/api/checkout", token=self.token, json=body, headers=headers)


def buyers(shop: Shop, count: int) -> list[Buyer]:
    customers = User.objects.filter(email__startswith="customer-").order_by("email")
    return [Buyer(shop, user) for user in customers[:count]]


def at_once(calls: list[Callable[[], requests.Response]]) -> list[requests.Response]:
    """A provider or a lock that stood still for seconds is told as such, and asked again."""
    barrier = Barrier(len(calls))

    def call(one: Callable[[], requests.Response]) -> requests.Response:
        barrier.wait(timeout=30)
        ends = time.monotonic() + 60
        while (answer := one()).status_code == 503 and time.monotonic() < ends:
            pass
        return answer

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def code(answer: requests.Response) -> tuple[int, str]:
    body: dict[str, Any] = answer.json()
    return answer.status_code, "" if answer.ok else body["errors"][0]["code"]


def charged_is_paid(shop: Shop) -> None:
    """Orders, payments and the provider's approved charges are the same ones, at the same amounts."""
    payments = {(p.reference, f"{p.amount:.2f}") for p in Payment.objects.all()}
    assert payments == {(c["reference"], c["amount"]) for c in shop.charges()}
    orders = dict(Order.objects.values_list("number", "total"))
    assert orders == dict(Payment.objects.values_list("order", "amount"))


def abandon(shop: Shop) -> None:
    """Let the worker's reconciliation find the open charges, as if a minute had passed."""
    Intent.objects.update(prepared_at=timezone.now() - timedelta(minutes=2))
    wait_for(lambda: reconcile() >= 0 and not Intent.objects.filter(state="open").exists())
    charged_is_paid(shop)


def stock() -> tuple[int, int]:
    item = StockItem.objects.get(product_id=PRODUCT)
    return item.on_hand, item.reserved


def test_fifty_buyers_of_ten_pieces(shop: Shop) -> None:
    answers = at_once([buyer.buy for buyer in buyers(shop, 50)])
    assert Counter(map(code, answers)) == {(201, ""): PIECES, (409, "insufficient_stock"): 40}
    assert stock() == (0, 0)
    assert Order.objects.count() == PIECES == len(shop.charges())
    sold = StockMovement.objects.filter(product_id=PRODUCT, reason="sold")
    assert sorted(sold.values_list("order", "delta")) == sorted(
        (answer.json()["number"], -1) for answer in answers if answer.ok
    )
    charged_is_paid(shop)


def test_the_same_key_twenty_times_at_once(shop: Shop) -> None:
    [buyer] = buyers(shop, 1)
    answers = at_once([buyer.buy] * 20)
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len({answer.content for answer in answers}) == 1
    assert Order.objects.get().number == answers[0].json()["number"]
    assert len(shop.charges()) == 1
    assert stock() == (PIECES - 1, 0)
    assert code(buyer.buy(payment_token="tok_twice")) == (422, "idempotency_key_reused")
    charged_is_paid(shop)


def test_the_same_key_after_the_address_is_gone(shop: Shop) -> None:
    (buyer,) = buyers(shop, 1)
    first = buyer.buy()
    assert first.status_code == 201
    gone = shop.ask("DELETE", f"/api/me/addresses/{buyer.address}", token=buyer.token)
    assert gone.status_code == 204
    again = buyer.buy()
    assert (again.status_code, again.json()) == (201, first.json())
    assert code(buyer.buy(payment_token="tok_declined")) == (422, "idempotency_key_reused")
    assert code(buyer.buy(key="second")) == (400, "does_not_exist")


def test_an_empty_cart_leaves_nothing_to_be_voided(shop: Shop) -> None:
    (buyer,) = buyers(shop, 1)
    first = buyer.buy()
    assert buyer.buy().content == first.content, "the cart is empty by now"
    nothing = buyer.buy(key="second")
    assert code(nothing) == (409, "empty_cart")
    CartLine.objects.create(user=buyer.user, product_id=PRODUCT, quantity=1)
    assert code(buyer.buy(key="second")) == (409, "empty_cart"), "the first answer is repeated"
    assert [intent.order for intent in Intent.objects.all()] == [first.json()["number"]]


def test_what_is_put_into_an_empty_cart_meanwhile_is_not_bought(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (buyer,) = buyers(shop, 1)
    CartLine.objects.all().delete()
    answer = checkout._answer

    def late(*arguments: Any, **options: Any) -> Any:
        CartLine.objects.create(user=buyer.user, product_id=PRODUCT, quantity=1)
        return answer(*arguments, **options)

    monkeypatch.setattr(checkout, "_answer", late)
    with pytest.raises(EmptyCart):
        checkout.checkout(
            user=buyer.user.pk, email="", payment_token="tok_ok", address=buyer.address, key="first"
        )
    assert (shop.charges(), CartLine.objects.count()) == ([], 1)


def test_the_provider_works_twice_and_the_order_is_paid_once(shop: Shop) -> None:
    [buyer] = buyers(shop, 1)
    assert buyer.buy(payment_token="tok_twice").status_code == 201
    assert len(shop.charges()) == 1
    charged_is_paid(shop)


def test_a_provider_that_fails_leaves_all_as_it_was(shop: Shop) -> None:
    [buyer] = buyers(shop, 1)
    answer = buyer.buy(payment_token="tok_error")
    assert code(answer) == (503, "payment_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert (stock(), Order.objects.count(), CartLine.objects.count()) == ((PIECES, 0), 0, 1)
    abandon(shop)
    assert buyer.buy("second").status_code == 201
    charged_is_paid(shop)


def test_a_charge_whose_answer_came_too_late_is_taken_back(shop: Shop) -> None:
    [buyer] = buyers(shop, 1)
    assert code(buyer.buy(payment_token="tok_timeout")) == (503, "payment_unavailable")
    assert len(shop.charges()) == 1  # the money is taken, and nobody here knows
    abandon(shop)
    assert len(shop.charges("voided")) == 1
    assert (stock(), Order.objects.count(), CartLine.objects.count()) == ((PIECES, 0), 0, 1)


def test_a_process_that_dies_between_charge_and_commit(shop: Shop) -> None:
    [buyer] = buyers(shop, 1)
    with ThreadPoolExecutor(1) as pool:
        dying = pool.submit(buyer.buy, payment_token="tok_timeout")
        wait_for(shop.charges)
        shop.web.kill()
        with pytest.raises(requests.ConnectionError):
            dying.result(timeout=30)
    abandon(shop)
    assert len(shop.charges("voided")) == 1
    assert (stock(), Order.objects.count(), CartLine.objects.count()) == ((PIECES, 0), 0, 1)
    shop.psp.kill()
    shop.psp.start(PSP_SLOW_SECONDS="0")
    shop.web.start()
    again = buyer.buy(payment_token="tok_timeout")  # the same key goes on where its process died
    assert again.status_code == 201, again.text
    assert Intent.objects.get().attempt == 2
    assert len(shop.charges()) == 1
    charged_is_paid(shop)


def prepared(*orders: str) -> None:
    """Charges that were about to be tried a while ago, in this order."""
    user, now = User.objects.get(email="customer-001@shop.example"), timezone.now()
    Intent.objects.bulk_create(
        Intent(order=order, user=user, prepared_at=now - timedelta(hours=1) + timedelta(seconds=n))
        for n, order in enumerate(orders)
    )


def test_what_refused_checkouts_leave_does_not_delay_a_void(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.payments.operations.RECONCILE_SECONDS", 120.0)
    prepared(*(f"refused-{n}" for n in range(300)))
    assert reconcile() == 300 == len(shop.charges("voided"))


def test_a_charge_that_cannot_be_voided_holds_nobody_up(shop: Shop) -> None:
    prepared("no/such/path", "first", "second")  # the provider has no such path: it answers with 404
    assert reconcile() == 2
    assert [intent.order for intent in Intent.objects.filter(state="open")] == ["no/such/path"]
    assert reconcile() == 0


def test_reconciliation_gives_up_in_time_while_the_provider_is_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(*(f"refused-{n}" for n in range(50)))
    shop.psp.kill()
    began = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr("shop.payments.operations.RECONCILE_SECONDS", 0.5)
        assert reconcile() == 0
    assert time.monotonic() - began < 20
    shop.psp.start()
    assert reconcile() == 50
