"""The users: customers with the mix of design section 11, and a member of staff.

Customers are the seeded ones and, every second one, newly registered ones. Each knows what its calls may be
answered; 402 and 409 are expected where the journey plans them, and answers must agree with what it was told.
"""

import itertools
import random
import time
import uuid
from decimal import Decimal
from typing import Any, ClassVar

from locust import between, task
from locust.exception import StopUser

from tests.traffic.calls import Answer
from tests.traffic.journal import (
    AdjustAnswered,
    AdjustSent,
    CancelAnswered,
    CancelSent,
    CreateAnswered,
    CreateSent,
    EditAnswered,
    EditSent,
)
from tests.traffic.memory import SEEDED, Memory, adjusted, categories, made, stock
from tests.traffic.purchases import POPULAR, SEEN, Purchases
from tests.traffic.shopper import PASSWORD, Shopper

SEEDED_CUSTOMERS = 50
WORDS = ["oak", "steel", "tent", "kettle", "lamp", "wool", "puzzle", "nordic", "no-such-thing"]


class Customer(Purchases):
    """Browses a lot, buys something, changes its mind now and then."""

    counter: ClassVar[Any] = itertools.count()

    def on_start(self) -> None:
        number = next(self.counter)
        self.memory = Memory(SEEN)
        if number % 2 == 0 and number // 2 < SEEDED_CUSTOMERS:
            self.email = f"customer-{number // 2 + 1:03d}@shop.example"
            self.log_in()
        else:
            self._register()
        self.address = self._address()
        self.empty_cart()

    def _register(self) -> None:
        self.email = f"visitor-{uuid.uuid4().hex[:12]}@visitors.example"
        body = {"email": self.email, "password": PASSWORD, "name": "A. Visitor"}
        if not once(self, "/api/auth/register", name="register", body=body, unique="email").ok:
            raise StopUser
        self.log_in()
        address = {"name": "A. Visitor", "street": "Lindenweg 1", "city": "Hamburg"}
        address |= {"postcode": "20095", "country": "DE"}
        self.until_answered(
            lambda: self.call("POST", "/api/me/addresses", name="add address", body=address, expect=(201,))
        )

    def _address(self) -> int:
        answer = self.until_answered(lambda: self.call("GET", "/api/me/addresses", name="addresses"))
        if not answer.ok or not answer.body["results"]:
            raise StopUser
        return int(answer.body["results"][0]["id"])

    @task(8)
    def leave_and_come_back(self) -> None:
        """On another connection: who comes anew must be served as who is there already."""
        self.client.client.close()

    # -- looking around ------------------------------------------------------------------------------

    @task(26)
    def browse(self) -> None:
        ordering = random.choice(["", "&ordering=price", "&ordering=-price", "&ordering=name"])
        page = 1 + random.randrange(20)
        path = f"/api/products?page={page}&page_size=20{ordering}"
        self.call("GET", path, name="browse", check=SEEN.page(20))

    @task(10)
    def search(self) -> None:
        word, most = random.choice(WORDS), random.randrange(20, 200)
        path = f"/api/products?search={word}&max_price={most}"
        self.call("GET", path, name="search", check=SEEN.search(word, most))

    @task(20)
    def look_at_product(self) -> None:
        product = self.product()
        self.call("GET", f"/api/products/{product}", name="product", check=SEEN.product(product))

    @task(3)
    def look_at_stock(self) -> None:
        product = self.product()
        self.call("GET", f"/api/stock/{product}", name="stock", check=stock(product))

    @task(2)
    def categories(self) -> None:
        self.call("GET", "/api/categories", name="categories", check=categories)

    @task(6)
    def look_at_cart(self) -> None:
        self.call("GET", "/api/cart", name="cart", check=self.memory.cart_with({}))

    # -- one's own things ----------------------------------------------------------------------------

    @task(4)
    def my_orders(self) -> None:
        self.stay_logged_in()
        self.call("GET", "/api/orders", name="my orders", check=self.memory.own_orders)

    @task(3)
    def my_order(self) -> None:
        if self.memory.orders:
            number = random.choice(list(self.memory.orders))
            self.call("GET", f"/api/orders/{number}", name="order", check=self.memory.order(number))

    @task(3)
    def overview(self) -> None:
        if self.memory.orders:
            number = random.choice(list(self.memory.orders))
            check = self.memory.overview(number)
            self.call("GET", f"/api/orders/{number}/overview", name="overview", check=check)

    @task(1)
    def payments(self) -> None:
        if self.memory.orders:
            number = random.choice(list(self.memory.orders))
            check = self.memory.payments(number)
            self.call("GET", f"/api/payments?order={number}", name="payments", check=check)

    @task(2)
    def notifications(self) -> None:
        path = "/api/notifications?page_size=50"
        self.call("GET", path, name="notifications", check=self.memory.notifications)

    @task(1)
    def me(self) -> None:
        self.call(
            "GET", "/api/me", name="me", check=lambda _, me: "" if me["email"] == self.email else f"{me}"
        )

    # -- changing one's mind -------------------------------------------------------------------------

    @task(2)
    def cancel(self) -> None:
        kept = self.memory.confirmed()
        if not kept:
            return
        number = random.choice(kept)
        check = self.memory.cancelled(number)
        self.note(CancelSent(at=time.time(), number=number))
        answer = self.until_answered(
            lambda: self.call("POST", f"/api/orders/{number}/cancel", name="cancel", check=check)
        )
        if answer.status == 200:
            status = answer.body["payment"]["status"] if answer.body["payment"] else ""
            self.note(CancelAnswered(at=time.time(), number=number, payment_status=status))
        if answer.ok:
            self.memory.remember(answer.body)
        else:
            del self.memory.orders[number]  # nobody knows what has become of it


class Staff(Shopper):
    """Counts what is on the shelves, rewrites descriptions and adds a product now and then."""

    fixed_count = 1
    wait_time = between(0.5, 1.5)

    def on_start(self) -> None:
        self.email = "staff@shop.example"
        self.log_in()

    @task(4)
    def rewrite_description(self) -> None:
        self.stay_logged_in()
        product = 1 + random.randrange(POPULAR)
        text = f"Rewritten {uuid.uuid4().hex}"
        self.note(EditSent(at=time.time(), product=product, text=text))
        answer = self.until_answered(
            lambda: self.call(
                "PATCH",
                f"/api/products/{product}",
                name="edit product",
                body={"description": text},
                check=SEEN.edited(product, text),
            )
        )
        if answer.ok:
            self.note(EditAnswered(at=time.time(), product=product, text=text))

    @task(1)
    def add_product(self) -> None:
        self.stay_logged_in()
        sku = f"NEW-{uuid.uuid4().hex[:12]}"
        sent = CreateSent(at=time.time(), sku=sku, name="Newcomer", price=Decimal("12.50"), category="home")
        self.note(sent)
        body = {"sku": sku, "name": sent.name, "price": str(sent.price), "category": sent.category}
        answer = once(self, "/api/products", name="add product", body=body, unique="sku")
        if answer.ok:
            self.note(CreateAnswered(at=time.time(), sku=sku, status=answer.status))

    @task(4)
    def adjust_stock(self) -> None:
        self.stay_logged_in()
        product = 1 + random.randrange(POPULAR if random.random() < 0.7 else SEEDED)
        delta = random.choice([10, 25, 40, -1, -2])
        reason = f"counted {uuid.uuid4().hex}"
        self.note(AdjustSent(at=time.time(), reason=reason, product=product, delta=delta))
        answer = self.call(
            "POST",
            f"/api/stock/{product}/adjust",
            name="adjust stock",
            body={"delta": delta, "reason": reason},
            expect=(200, 409),
            check=adjusted(product),
        )
        if answer.ok:
            self.note(AdjustAnswered(at=time.time(), reason=reason, status=answer.status))


def once(user: Shopper, path: str, *, name: str, body: dict[str, str], unique: str) -> Answer:
    """Make what can be there once. Only who asks again, having had no answer, may be told that it is: 400."""
    attempts = itertools.count()

    def attempt() -> Answer:
        expect = (201, 400) if next(attempts) else (201,)
        return user.call("POST", path, name=name, body=body, expect=expect, check=made(body, unique=unique))

    return user.until_answered(attempt)
