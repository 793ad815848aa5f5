"""Checkout in all its variants: approved, declined, sold out, empty, sent twice, key reused.

An unacknowledged checkout is repeated with the same key until it has its answer.
"""

import random
import time
import uuid
from collections.abc import Collection

import gevent
import msgspec
from locust import task

from tests.traffic.calls import Answer, Check
from tests.traffic.journal import CheckoutAnswered, CheckoutSent, OrderSeen
from tests.traffic.memory import SCARCE, SEEDED, Memory, Products, contents, refused, sold_out
from tests.traffic.shopper import Shopper

FINAL = (201, 402, 409)
SEEN = Products()
POPULAR = 30  # number 25 is one of the scarce ones


class Purchases(Shopper):
    """What a customer does with a cart."""

    abstract = True
    address = 0
    memory: Memory

    @task(9)
    def buy(self) -> None:
        if self.fill_cart():
            self.checkout("tok_ok", expect=(201, 409), check=self.memory.bought())

    @task(2)
    def buy_in_vain(self) -> None:
        """The bank says no; the cart stays."""
        if self.fill_cart():
            self.checkout("tok_declined", expect=(402, 409), check=self.memory.declined())
            self.empty_cart()

    @task(1)
    def buy_too_many(self) -> None:
        """Of every 25th product the shop never has that many."""
        product = SCARCE * random.randint(1, SEEDED // SCARCE)
        if self.put(product, 999).ok:
            self.checkout("tok_ok", expect=(409,), check=sold_out(self.memory.cart, of=product))
            self.put(product, 0)

    @task(1)
    def buy_nothing(self) -> None:
        if self.empty_cart():
            self.checkout("tok_ok", expect=(409,), check=refused("empty_cart"))

    @task(1)
    def buy_impatiently(self) -> None:
        """The button pressed twice at once, and again later: one order, three equal answers."""
        if not self.fill_cart():
            return
        key, check = uuid.uuid4().hex, self.memory.bought()
        answers: list[Answer] = []

        def press() -> None:
            answers.append(self.checkout("tok_ok", expect=(201, 409), check=check, key=key))

        gevent.joinall([gevent.spawn(press), gevent.spawn(press)])
        press()
        told = [(answer.status, answer.body) for answer in answers if answer.ok]
        if any(one != told[0] for one in told):
            self.call(
                "GET", "/api/orders", name="replay", check=lambda *_: f"{key}: answers differ: {answers}"
            )

    @task(1)
    def reuse_key(self) -> None:
        """Another request under a key that is used up is refused."""
        if not self.fill_cart():
            return
        key = uuid.uuid4().hex
        answer = self.checkout("tok_ok", expect=(201, 409), check=self.memory.bought(), key=key)
        if answer.ok:
            other = {"payment_token": "tok_declined", "address": self.address}
            self.until_answered(
                lambda: self.call(
                    "POST",
                    "/api/checkout",
                    name="checkout",
                    body=other,
                    key=key,
                    expect=(422,),
                    check=refused("idempotency_key_reused"),
                )
            )

    def product(self) -> int:
        """A product: every third time one of a few popular ones, so that buyers meet."""
        if random.random() < 0.33:
            return 1 + random.randrange(POPULAR)
        return 1 + random.randrange(SEEDED)

    # -- parts ---------------------------------------------------------------------------------------

    def put(self, product: int, quantity: int) -> Answer:
        body, check = {"quantity": quantity}, self.memory.cart_with({product: quantity})
        answer = self.until_answered(
            lambda: self.call("PUT", f"/api/cart/lines/{product}", name="cart line", body=body, check=check)
        )
        self.memory.cart = contents(answer.body) if answer.ok else None
        return answer

    def fill_cart(self) -> bool:
        """Some products and nothing else: what was sold out may still be in it."""
        self.stay_logged_in()
        if self.memory.cart != {} and not self.empty_cart():
            return False
        products = {self.product() for _ in range(random.choice([1, 1, 2, 3]))}
        return all(self.put(product, random.choice([1, 1, 1, 2, 3])).ok for product in products)

    def empty_cart(self) -> bool:
        """Whether it is empty now."""
        check = self.memory.cart_with({})
        answer = self.until_answered(lambda: self.call("GET", "/api/cart", name="cart", check=check))
        return answer.ok and all(self.put(product, 0).ok for product in contents(answer.body))

    def checkout(
        self,
        token: str,
        *,
        expect: Collection[int],
        check: Check,
        key: str = "",
    ) -> Answer:
        """Check out, with the same key until there is an answer, and note both in the journal."""
        key = key or uuid.uuid4().hex
        body = {"payment_token": token, "address": self.address}
        self.note(CheckoutSent(at=time.time(), key=key, user=self.email, expect=token))
        answer = self.until_answered(
            lambda: self.call(
                "POST", "/api/checkout", name="checkout", body=body, key=key, expect=expect, check=check
            )
        )
        if answer.status not in FINAL:
            self.memory.cart = None
            return answer
        order = msgspec.convert(answer.body, OrderSeen, strict=False) if answer.status == 201 else None
        self.note(
            CheckoutAnswered(
                at=time.time(),
                key=key,
                user=self.email,
                status=answer.status,
                code=answer.code,
                order=order,
            )
        )
        if order:
            self.memory.remember(answer.body)
            self.memory.cart = {}
        return answer
