"""What the fence costs a write while its domain is moving.

A price is changed by HTTP, one request after the other, so that each is a transaction of its own, fenced and
not in turns. Their difference is smaller than a busy machine's moods, so the share is that of the time which
PostgreSQL says that the trigger takes (`EXPLAIN ANALYZE`).
"""

import time
from collections.abc import Callable
from statistics import median

import psycopg
import requests

from strangler.chassis.ownership import schema
from strangler.toolkit.stack import Stack
from tests.benchmarks.rows import Row

TARGET = 3.0
DOMAIN, TABLE, PRODUCT = "catalog", "catalog_product", 7
STAFF = {"email": "staff@shop.example", "password": "correct-horse-battery"}
STATEMENTS = 500
SLICES = 2
"""How often in a round both take turns: the machine's mood changes faster than a round."""

WARM_UP = 32
"""Writes after each change of the table, after which every connection of the web process plans anew."""

OWNER = (
    "INSERT INTO strangler.ownership (domain, host, owner, epoch) VALUES (%s, 'monolith', 'monolith', 1) "
    "ON CONFLICT DO NOTHING"
)


def cost(stack: Stack, direct: str, *, seconds: float, rounds: int) -> list[Row]:
    """The median of both, and their difference as a share of the unfenced write."""
    session = requests.Session()
    token = session.post(f"{direct}/api/auth/token", json=STAFF, timeout=10).json()["access"]
    session.headers["Authorization"] = f"Bearer {token}"
    prices = [f"{number}.00" for number in range(10, 20)]
    with psycopg.connect(_superuser(stack), autocommit=True) as database:
        database.execute(schema.SCHEMA.encode())
        for grant in schema.GRANTS:
            database.execute(grant.format(role="monolith").encode())
        database.execute(OWNER, [DOMAIN])

        def change() -> None:
            prices.append(prices.pop(0))
            answer = session.patch(f"{direct}/api/products/{PRODUCT}", json={"price": prices[0]}, timeout=10)
            answer.raise_for_status()

        try:
            unfenced, fenced = _in_turns(database, change, seconds=seconds, rounds=rounds)
            _fence(database, True)
            trigger = median(_trigger_seconds(database) for _ in range(STATEMENTS))
        finally:
            _fence(database, False)
            database.execute("DROP SCHEMA strangler CASCADE")
    return [
        Row("fence", "change a product, unfenced, p50", round(unfenced * 1000, 2), "ms"),
        Row("fence", "change a product, fenced, p50", round(fenced * 1000, 2), "ms"),
        Row("fence", "the fence's trigger, p50", round(trigger * 1e6), "µs"),
        Row("fence", "trigger ÷ unfenced change", round(trigger / unfenced * 100, 2), "%", TARGET),
    ]


def _trigger_seconds(database: psycopg.Connection) -> float:
    """What one statement spent in the trigger, in a transaction of its own."""
    row = database.execute(
        f"EXPLAIN (ANALYZE, FORMAT JSON) UPDATE {TABLE} SET price = price WHERE id = %s", [PRODUCT]
    ).fetchone()
    assert row is not None
    times = {trigger["Trigger Name"]: float(trigger["Time"]) for trigger in row[0][0]["Triggers"]}
    return times["strangler_fence"] / 1000


def _in_turns(
    database: psycopg.Connection, work: Callable[[], None], *, seconds: float, rounds: int
) -> tuple[float, float]:
    """The medians without the fence and with it."""
    found: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(rounds * SLICES * 2):
        fenced = turn % 2 == 1
        _fence(database, fenced)
        for _ in range(WARM_UP):
            work()
        ends = time.perf_counter() + seconds / SLICES
        while (started := time.perf_counter()) < ends:
            work()
            found[fenced].append(time.perf_counter() - started)
    return median(found[False]), median(found[True])


def _fence(database: psycopg.Connection, present: bool) -> None:
    statement = schema.FENCE if present else schema.UNFENCE
    database.execute(statement.format(table=TABLE, domain=f"'{DOMAIN}'").encode())


def _superuser(stack: Stack) -> str:
    """The URL of the monolith's database for the server's superuser."""
    return stack.environment("provision")["POSTGRES_URL"].rpartition("/")[0] + "/monolith"
