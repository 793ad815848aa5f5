"""What the tiny service does."""

import os
import time
from decimal import Decimal
from functools import cache
from pathlib import Path

from django.db import connection, transaction

from strangler.chassis import tracing
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.client import Client
from tests.chassis.rpc.counting.contract import Count, Counting, TooMany
from tests.ports import wait_for


def counts(*, ids: list[int], prefix: str = "") -> dict[int, Count]:
    return {i: Count(name=f"{prefix}{i}", times=i, weight=Decimal(i) / 8) for i in ids}


def tallies(*, ids: list[int]) -> dict[int, Count]:
    return counts(ids=ids)


def kept(*, ids: list[int]) -> dict[int, Count]:
    return counts(ids=[i for i in ids if i % 2 == 0])


def together(*, ids: list[int]) -> dict[int, int]:
    return {i: len(ids) for i in ids if i % 2 == 0}


def times(*, name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM counted WHERE name = %s", [name])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def limit(*, name: str, limit: int) -> None:
    raise TooMany(name=name, limit=limit)


def echo(*, text: str) -> str:
    return text


def broken() -> None:
    raise ZeroDivisionError("the defect")


def patience(*, seconds: float) -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return seconds


def rest(*, seconds: float) -> float:
    time.sleep(seconds)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO attempts VALUES ('rest')")
    return seconds


def budget() -> float:
    return deadline.remaining() or 0.0


@cache
def onward() -> Client:
    return Client(os.environ["BROKER_URL"], caller="tiny")


def relayed(*, seconds: float) -> float:
    with deadline.within(seconds):
        left: float = onward().ask("tiny", "counting", Counting.methods["budget"], {})
        return left


def needy() -> float:
    left: float = onward().ask("nowhere", "counting", Counting.methods["budget"], {})
    return left


def trace() -> str:
    return tracing.trace_id()


def count(*, name: str, key: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO counted VALUES (%s, %s) ON CONFLICT DO NOTHING", [key, name])
        cursor.execute("INSERT INTO attempts VALUES (%s)", [key])
    return times(name=name)


def held(*, key: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM counted WHERE key = %s FOR UPDATE NOWAIT", [key])


def count_slowly(*, name: str, gate: str, key: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO attempts VALUES (%s)", [key])
    wait_for(Path(gate).exists, seconds=60)
    return count(name=name, key=key)


def count_late(*, name: str, seconds: float, key: str) -> int:
    with transaction.atomic():
        counted = count(name=name, key=key)
        time.sleep(seconds)
    return counted


def die(*, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO attempts VALUES (%s)", [key])
    os.kill(os.getpid(), 9)
