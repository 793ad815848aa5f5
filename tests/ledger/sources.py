"""Where the books are read: the journal, the shop's database, the PSP's and the SMTP sink's HTTP views."""

from pathlib import Path
from typing import Any

import msgspec
import psycopg
import requests
from psycopg.rows import dict_row

from strangler.toolkit.stack import Stack
from tests.ledger.books import Books, Charge, Mail, Movement, Order, Payment, Stock
from tests.traffic.journal import read

ORDERS = """
SELECT o.number, u.email AS user, o.status, o.total, o.currency, coalesce(k.key, '') AS key,
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
# The provider says `approved` where the shop says `captured`.
CHARGE_STATUS = {"approved": "captured"}
TIMEOUT = 10


class Sources:
    """The places of one stack, read as they are now."""

    def __init__(self, *, database_url: str, psp_url: str, mails_url: str) -> None:
        self.database_url = database_url
        self.psp_url = psp_url
        self.mails_url = mails_url

    @classmethod
    def of(cls, stack: Stack) -> "Sources":
        password = stack.variables(0)["MONOLITH_DB_PASSWORD"]
        return cls(
            database_url=f"postgresql://monolith:{password}@{stack.address('postgres', 5432)}/monolith",
            psp_url=f"http://{stack.address('psp', 9100)}",
            mails_url=f"http://{stack.address('smtp', 8025)}",
        )

    def on_hand(self) -> dict[int, int]:
        """What is on hand of each product."""
        with self.connect() as connection:
            return {row["product"]: row["on_hand"] for row in connection.execute(STOCK)}

    def read(self, journal: Path, opening: dict[int, int]) -> Books:
        """All books; the database's in one snapshot."""
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
        stock = [{**row, "initial": opening.get(row["product"], 0)} for row in rows["stock"]]
        return Books(
            journal=list(read(journal)),
            orders=msgspec.convert(rows["orders"], list[Order]),
            payments=msgspec.convert(rows["payments"], list[Payment]),
            charges=self._charges(),
            stock=msgspec.convert(stock, list[Stock]),
            movements=msgspec.convert(rows["movements"], list[Movement]),
            mails=msgspec.convert(self._get(f"{self.mails_url}/mails"), list[Mail]),
        )

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        connection = psycopg.connect(self.database_url, row_factory=dict_row, connect_timeout=TIMEOUT)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        return connection

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
