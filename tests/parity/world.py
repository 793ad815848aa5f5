"""What a journey through the shop needs: customers, products, staff. Made when first used."""

import threading
import time
from typing import Any
from weakref import WeakKeyDictionary

from strangler.toolkit.parity import Journey, Taken
from strangler.toolkit.parity.journey import Both, Exchange

PASSWORD = "correct-horse-battery"
STAFF = "staff@shop.example"
STAFF_LOGIN_SECONDS = 300.0
"""Access tokens are good for ten minutes."""

PRODUCTS = [
    {"name": "Lamp", "price": "19.99", "stock": 5},
    {"name": "Cup", "price": "0.33", "stock": 2},
    {"name": "Chair", "price": "249.90", "stock": 0},
]
FORGED = (
    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0."
    "eyJzdWIiOiIxIiwiZW1haWwiOiJhQGIuYyIsIm5hbWUiOiJBIiwic3RhZmYiOnRydWUsInR5cGUiOiJhY2Nlc3MifQ."
)


class World:
    """One journey's own corner of the shop. Names carry the journey's, so that no two see each other's."""

    _staff_logins: WeakKeyDictionary[Both, tuple[float, Exchange]] = WeakKeyDictionary()
    _lock = threading.Lock()

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.name = journey.name
        self._staff: Taken | None = None
        self._logins: dict[int, Taken] = {}
        self._products: dict[int, Taken] = {}
        self.addresses: dict[int, list[Taken]] = {}
        self.orders: list[Taken] = []

    def call(self, method: str, path: str, *, who: Any = None, **parts: Any) -> Taken:
        """A call in somebody's name: a customer's number, `staff`, None, or a token as it is."""
        headers = dict(parts.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        return self.journey.call(method, path, headers=headers, **parts)

    def token(self, who: Any) -> Any:
        if who == "staff":
            return self.staff["access"]
        if who == "forged":
            return FORGED
        if who == "refresh":
            return self.login(0)["refresh"]
        return self.login(who)["access"] if isinstance(who, int) else who

    @property
    def staff(self) -> Taken:
        """The staff's login; one serves many journeys, because logins are throttled."""
        if self._staff is None:
            systems = self.journey.systems
            with self._lock:
                known = self._staff_logins.get(systems)
            if known and time.monotonic() - known[0] < STAFF_LOGIN_SECONDS:
                self._staff = self.journey.reuse(known[1])
            else:
                credentials = {"email": STAFF, "password": PASSWORD}
                self._staff = self.journey.call("POST", "/api/auth/token", json=credentials, expect=200)
                with self._lock:
                    exchange = self.journey.exchanges[self._staff.step]
                    self._staff_logins[systems] = (time.monotonic(), exchange)
        return self._staff

    def email(self, customer: int) -> str:
        return f"{self.name}-{customer}@shop.example"

    def login(self, customer: int) -> Taken:
        """The login of a fresh customer of this number."""
        if customer not in self._logins:
            account = {"email": self.email(customer), "password": PASSWORD, "name": f"Customer {customer}"}
            self.journey.call("POST", "/api/auth/register", json=account, expect=201)
            credentials = {"email": self.email(customer), "password": PASSWORD}
            self._logins[customer] = self.journey.call(
                "POST", "/api/auth/token", json=credentials, expect=200
            )
        return self._logins[customer]

    def product(self, number: int) -> Taken:
        """The id of a fresh product of this number, one of PRODUCTS with its stock."""
        if number not in self._products:
            kind = PRODUCTS[number % len(PRODUCTS)]
            made = self.make_product(
                sku=f"{self.name}-{number}", name=f"{kind['name']} {self.name}", price=kind["price"]
            )
            if kind["stock"]:
                self.adjust(made["id"], int(str(kind["stock"])))
            self._products[number] = made["id"]
        return self._products[number]

    def make_product(self, **fields: Any) -> Taken:
        """A new product, and its stock record, which inventory opens when it hears of it."""
        body = {"category": "kitchen", "description": f"Made for {self.name}", **fields}
        made = self.call("POST", "/api/products", who="staff", json=body, expect=201)
        self.journey.call("GET", f"/api/stock/{made['id']}", until=lambda body: "product" in body)
        return made

    def adjust(self, product: Any, delta: int, *, expect: int | None = 200) -> Taken:
        body = {"delta": delta, "reason": "delivery"}
        return self.call("POST", f"/api/stock/{product}/adjust", who="staff", json=body, expect=expect)

    def address(self, customer: int) -> Taken:
        """The id of an address of this customer: the first one, made if there is none."""
        known = self.addresses.setdefault(customer, [])
        if not known:
            body = {"name": "A", "street": "Main 1", "city": "Riga", "postcode": "1010", "country": "lv"}
            made = self.call("POST", "/api/me/addresses", who=customer, json=body, expect=201)
            known.append(made["id"])
        return known[0]

    def put(self, customer: int, product: Any, quantity: int, *, expect: int | None = 200) -> Taken:
        return self.call(
            "PUT", f"/api/cart/lines/{product}", who=customer, json={"quantity": quantity}, expect=expect
        )

    def checkout(
        self, customer: int, *, key: str = "k", token: str = "tok_ok", expect: int | None = 201, **body: Any
    ) -> Taken:
        body = {"payment_token": token, "address": self.address(customer), **body}
        headers = {"Idempotency-Key": f"{self.name}-{key}"}
        answer = self.call("POST", "/api/checkout", who=customer, json=body, headers=headers, expect=expect)
        if self.journey.status(answer) == 201:
            self.orders.append(answer["number"])
        return answer

    def order(self, customer: int = 0, *, product: int = 0, quantity: int = 1, key: str = "k") -> Taken:
        """A confirmed order of the customer."""
        self.put(customer, self.product(product), quantity)
        return self.checkout(customer, key=key)
