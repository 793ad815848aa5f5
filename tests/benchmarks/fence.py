"""What the fence costs a write while its domain is moving.

A price is changed by HTTP, one request after the other, so that each is a transaction of its own. Whoever
waits for it waits for all that the fence brings, not only for its trigger: so the share is that of the
difference between fenced and unfenced requests. It is smaller than a busy machine's moods, so they take turns
every fraction of a second, and go on until their difference is known to a fraction of the target.
"""

import time
from collections.abc import Callable
from itertools import cycle
from math import sqrt
from statistics import median, quantiles

import psycopg
import requests

from strangler.chassis.ownership import schema
from strangler.toolkit.stack import Stack
from tests.benchmarks.rows import Row

TARGET = 3.0
DOMAIN, PRODUCT = "catalog", 7
TABLES = ("catalog_category", "catalog_product", "catalog_revision")
STATEMENTS = 500
WRITES, WARM_UP = 40, 16
"""In each turn, after some with which every connection of the web process plans anew."""

FEWEST, MOST_SECONDS = 20, 120.0
PRECISE = TARGET / 4
"""So many pairs of turns at least, then until the share is known so well, or for so long."""

STAFF = {"email": "staff@shop.example", "password": "correct-horse-battery"}
OWNER = (
    "INSERT INTO strangler.ownership (domain, host, owner, epoch) VALUES (%s, 'monolith', 'monolith', 1) "
    "ON CONFLICT DO NOTHING"
)


def cost(stack: Stack, direct: str) -> list[Row]:
    """Medians of both, their difference as a share of the unfenced write, and the trigger's own time."""
    session = requests.Session()
    token = session.post(f"{direct}/api/auth/token", json=STAFF, timeout=10).json()["access"]
    session.headers["Authorization"] = f"Bearer {token}"
    prices = cycle(f"{number}.00" for number in range(10, 20))

    def change() -> float:
        started = time.perf_counter()
        path = f"{direct}/api/products/{PRODUCT}"
        session.patch(path, json={"price": next(prices)}, timeout=10).raise_for_status()
        return time.perf_counter() - started

    with psycopg.connect(_superuser(stack), autocommit=True) as database:
        database.execute(schema.SCHEMA.encode())
        for grant in schema.GRANTS:
            database.execute(grant.format(role="monolith").encode())
        database.execute(OWNER, [DOMAIN])
        try:
            _on_all(database, schema.FENCE)
            trigger = median(_trigger_seconds(database) for _ in range(STATEMENTS))
            pairs = _in_turns(database, change)
        finally:
            _on_all(database, schema.UNFENCE)
            database.execute("DROP SCHEMA strangler CASCADE")
    unfenced, fenced = (median(column) * 1000 for column in zip(*pairs, strict=True))
    difference = _share(pairs, median(after - before for before, after in pairs))
    known = f"± {_margin(pairs):.2f} % (95 %): {len(pairs)} pairs of {WRITES} writes"
    return [
        Row("fence", "change a product, unfenced, p50", round(unfenced, 2), "ms"),
        Row("fence", "change a product, fenced, p50", round(fenced, 2), "ms"),
        Row("fence", "what the fence adds ÷ unfenced change", round(difference, 2), "%", TARGET, note=known),
        Row("fence", "the fence's trigger, p50", round(trigger * 1e6), "µs", note="of one statement"),
        Row("fence", "trigger ÷ unfenced change", round(_share(pairs, trigger), 2), "%"),
    ]


def _trigger_seconds(database: psycopg.Connection) -> float:
    """What one statement spent in the trigger, in a transaction of its own."""
    row = database.execute(
        "EXPLAIN (ANALYZE, FORMAT JSON) UPDATE catalog_product SET price = price WHERE id = %s", [PRODUCT]
    ).fetchone()
    assert row is not None
    times = {trigger["Trigger Name"]: float(trigger["Time"]) for trigger in row[0][0]["Triggers"]}
    return times["strangler_fence"] / 1000


def _in_turns(database: psycopg.Connection, change: Callable[[], float]) -> list[tuple[float, float]]:
    """Medians without the fence and with it, turn by turn, until their difference is known well enough."""
    pairs: list[tuple[float, float]] = []
    ends = time.monotonic() + MOST_SECONDS
    while len(pairs) < FEWEST or (_margin(pairs) > PRECISE and time.monotonic() < ends):
        found = {}
        for turn in ("DISABLE", "ENABLE") if len(pairs) % 2 else ("ENABLE", "DISABLE"):
            _on_all(database, f"ALTER TABLE {{table}} {turn} TRIGGER strangler_fence")
            for _ in range(WARM_UP):
                change()
            found[turn] = median(change() for _ in range(WRITES))
        pairs.append((found["DISABLE"], found["ENABLE"]))
    return pairs


def _share(pairs: list[tuple[float, float]], seconds: float) -> float:
    """Percent of the unfenced write."""
    return seconds / median(unfenced for unfenced, _ in pairs) * 100


def _margin(pairs: list[tuple[float, float]]) -> float:
    """By how much the share may be off, in percent: a box plot's notch (McGill, Tukey and Larsen, 1978)."""
    lower, _, upper = quantiles((fenced - unfenced for unfenced, fenced in pairs), n=4)
    return _share(pairs, 1.57 * (upper - lower) / sqrt(len(pairs)))


def _on_all(database: psycopg.Connection, statement: str) -> None:
    for table in TABLES:
        database.execute(statement.format(table=table, domain=f"'{DOMAIN}'").encode())


def _superuser(stack: Stack) -> str:
    """The URL of the monolith's database for the server's superuser."""
    return stack.environment("provision")["POSTGRES_URL"].rpartition("/")[0] + "/monolith"
