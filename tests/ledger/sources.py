"""Where the books are read: the journal, the owners' databases, the PSP's and the SMTP sink's HTTP views."""

from pathlib import Path
from typing import Any

import msgspec
import psycopg
import requests
from psycopg.rows import dict_row

from strangler.toolkit.plan import load
from strangler.toolkit.stack import Stack
from tests.ledger.books import (
    Books,
    Charge,
    Mail,
    Movement,
    Notification,
    Opening,
    Order,
    Payment,
    Product,
    Stock,
)
from tests.traffic.journal import read as read_journal

ORDERS = """
SELECT o.number, o.user_id, coalesce(u.email, '') AS user, o.status, o.total, o.currency,
       coalesce(k.key, '') AS key,
       coalesce((SELECT json_agg(json_build_object('product', l.product_id, 'quantity', l.quantity,
                                                   'price', l.price::text, 'total', l.total::text))
                 FROM orders_orderline l WHERE l.order_id = o.id), '[]') AS lines
FROM orders_order o
LEFT JOIN accounts_user u ON u.id = o.user_id
LEFT JOIN orders_checkoutkey k ON k.number = o.number
ORDER BY o.id
"""
PAYMENTS = """
SELECT p."order", p.reference, p.status, p.amount, p.currency,
       coalesce(sum(r.amount), 0.00) AS refunded, count(r.id) AS refunds
FROM payments_payment p LEFT JOIN payments_refund r ON r.payment_id = p.id
GROUP BY p.id ORDER BY p.id
"""
STOCK = "SELECT product_id AS product, on_hand, reserved FROM inventory_stockitem ORDER BY product_id"
MOVEMENTS = """
SELECT product_id AS product, delta, "order", reason FROM inventory_stockmovement ORDER BY id
"""
PRODUCTS = """
SELECT id, sku, name, price, currency, category, active, description FROM catalog_product ORDER BY id
"""
NOTIFICATIONS = """
SELECT id, user_id, "order", kind, email, subject, body, sent_at IS NOT NULL AS sent
FROM notifications_notification ORDER BY id
"""
OWNERSHIP_IS_KEPT = "SELECT to_regclass('strangler.ownership') IS NOT NULL AS kept"
OWNER = "SELECT owner FROM strangler.ownership WHERE domain = %s"
# The provider says `approved` where the shop says `captured`.
CHARGE_STATUS = {"approved": "captured"}
TIMEOUT = 10
PLAN = "migrations-plan/plan.yaml"
ORIGIN = "monolith"


class Sources:
    """The places of one stack, read as they are now."""

    def __init__(self, *, stack: Stack, psp_url: str, mails_url: str) -> None:
        self.stack = stack
        self.psp_url = psp_url
        self.mails_url = mails_url

    @classmethod
    def of(cls, stack: Stack) -> "Sources":
        return cls(
            stack=stack,
            psp_url=f"http://{stack.address('psp', 9100)}",
            mails_url=f"http://{stack.address('smtp', 8025)}",
        )

    def opening(self) -> Opening:
        """The products and what is on hand of each."""
        with self.connect() as connection:
            stock = {row["product"]: row["on_hand"] for row in connection.execute(STOCK)}
        return Opening(products={product.id: product for product in self._products()}, stock=stock)

    def read(self, journal: Path, opening: Opening, *, kills: int) -> Books:
        """All books; each database's in one snapshot."""
        with self.connect(self.owner("notifications")) as connection:
            notifications = connection.execute(NOTIFICATIONS).fetchall()
        with self.connect() as connection:
            rows = {
                name: connection.execute(query).fetchall()
                for name, query in [
                    ("orders", ORDERS),
                    ("payments", PAYMENTS),
                    ("stock", STOCK),
                    ("movements", MOVEMENTS),
                ]
            }
        return Books(
            opening=opening,
            journal=list(read_journal(journal)),
            orders=msgspec.convert(rows["orders"], list[Order]),
            payments=msgspec.convert(rows["payments"], list[Payment]),
            charges=self._charges(),
            stock=msgspec.convert(rows["stock"], list[Stock]),
            movements=msgspec.convert(rows["movements"], list[Movement]),
            products=self._products(),
            notifications=msgspec.convert(notifications, list[Notification]),
            mails=msgspec.convert(self._get(f"{self.mails_url}/mails"), list[Mail]),
            kills=kills,
        )

    def owner(self, domain: str) -> str:
        """The host that owns the domain now: while it moves its database says so, else the stage."""
        with self.connect() as connection:
            kept = connection.execute(OWNERSHIP_IS_KEPT).fetchone()
            row = connection.execute(OWNER, [domain]).fetchone() if kept and kept["kept"] else None
        if row is not None:
            return str(row["owner"])
        state = self.stack.state
        return load(self.stack.layout.root / PLAN).host_of(domain, stage=state.stage if state else 0)

    def connect(self, host: str = ORIGIN) -> psycopg.Connection[dict[str, Any]]:
        """A connection to a host's database, by its own role."""
        password = self.stack.variables(0)[f"{host.upper()}_DB_PASSWORD"]
        url = f"postgresql://{host}:{password}@{self.stack.address('postgres', 5432)}/{host}"
        connection = psycopg.connect(url, row_factory=dict_row, connect_timeout=TIMEOUT)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        return connection

    def _products(self) -> list[Product]:
        with self.connect(self.owner("catalog")) as connection:
            return msgspec.convert(connection.execute(PRODUCTS).fetchall(), list[Product])

    def _charges(self) -> list[Charge]:
        found: list[Charge] = []
        after = 0
        while page := self._get(f"{self.psp_url}/charges?limit=1000&after={after}"):
            after = page[-1]["id"]
            for row in page:
                row["status"] = CHARGE_STATUS.get(row["status"], row["status"])
            found += msgspec.convert(page, list[Charge])
        return found

    def _get(self, url: str) -> Any:
        answer = requests.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()
