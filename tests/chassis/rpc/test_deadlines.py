"""Nobody works for a caller who has gone, and no caller waits past its deadline."""

import time
import warnings
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.client import Client
from strangler.chassis.rpc.envelope import codec
from strangler.chassis.rpc.errors import DeadlinePassed
from strangler.chassis.rpc.policies.call import SECONDS
from tests.chassis.rpc.conftest import Remote, number, together
from tests.chassis.rpc.counting.contract import Counting
from tests.ports import wait_for
from tests.rpc_process import Service

Database = psycopg.Connection[Any]
CLOCK_SECONDS = 0.05
"""How far two readings of the clock may be apart."""


def is_left(limit: float, ask: Callable[[], float]) -> bool:
    """Whether as much of the limit is left as it takes to find out, on a busy machine too."""
    began = time.monotonic()
    answer = ask()
    return limit - (time.monotonic() - began) - CLOCK_SECONDS <= answer <= limit


def test_deadline_of_the_mark_travels_with_the_call(remote: Remote) -> None:
    assert is_left(SECONDS["query"], remote.budget)


def test_deadline_of_the_caller_travels_with_the_call(remote: Remote) -> None:
    remote.echo(text="connected")
    with deadline.within(2.0):
        assert is_left(2.0, remote.budget)


def test_deadline_travels_on_to_the_next_service(remote: Remote) -> None:
    """A service's own calls share a connection as well, without a thread of the operating system."""
    remote.relayed(seconds=10)  # connected
    with deadline.within(2.0):
        assert is_left(2.0, lambda: remote.relayed(seconds=10))
    assert is_left(1.0, lambda: remote.relayed(seconds=1))
    answers = together(lambda: remote.relayed(seconds=1), callers=4, times=5)
    assert all(0 < answer <= 1 for answer in answers), answers


@pytest.mark.parametrize("ahead", [3600, -10], ids="{:+} s".format)
def test_clocks_that_differ_change_no_deadline(
    remote: Remote, service: Service, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    clock = SimpleNamespace(time=lambda: time.time() + ahead, monotonic=time.monotonic)
    monkeypatch.setattr(deadline, "time", clock)
    for _ in range(2):
        with deadline.within(2.0):
            assert is_left(2.0, remote.budget)
    assert service.log.read_text().count("the clocks of the two hosts differ") == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 30),
        ({"timeout": 3000}, 30),
        ({"deadline": 102_000}, 2),
        ({"deadline": 97_000}, -3),
        ({"deadline": 102_000, "timeout": 3000}, 2),
        ({"deadline": 97_000, "timeout": 3000}, 3),
        ({"deadline": 104_000, "timeout": 3000}, 3),
        ({"deadline": 97_000, "timeout": 3000, "x-attempts": 2}, -3),
        ({"deadline": 104_000, "timeout": 3000, "x-attempts": 2}, 3),
    ],
    ids=str,
)
def test_what_headers_say(headers: dict[str, int], seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "time", SimpleNamespace(time=lambda: 100.0))
    assert deadline.from_wire(headers, otherwise=30) == seconds


def test_call_past_the_deadline_is_not_sent(remote: Remote) -> None:
    with deadline.within(-1), pytest.raises(DeadlinePassed) as caught:
        remote.echo(text="late")
    assert not caught.value.unknown


def test_caller_gets_its_answer_by_the_clock(remote: Remote) -> None:
    remote.echo(text="connected")
    started = time.monotonic()
    with deadline.within(0.3), pytest.raises(DeadlinePassed) as caught:
        remote.patience(seconds=5)
    assert 0.25 < time.monotonic() - started < SECONDS["query"]
    assert not caught.value.unknown  # a query has no effect


def test_statement_under_way_is_stopped_at_the_deadline(remote: Remote, database: Database) -> None:
    """And its connection is not used again, which a late request to cancel might still reach."""
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%%'"
    remote.echo(text="connected")
    with deadline.within(0.3), pytest.raises(DeadlinePassed):
        remote.patience(seconds=30)
    wait_for(lambda: number(database, sleeping) == 0, seconds=6)


def test_nothing_is_committed_past_the_deadline(remote: Remote, database: Database) -> None:
    remote.echo(text="connected")
    with deadline.within(0.3), pytest.raises(DeadlinePassed):
        remote.count_late(name="late", seconds=0.6, key="late")
    # The connection that did it is back in the pool, and its transaction is over.
    wait_for(
        lambda: (
            not number(
                database, "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'"
            )
        )
    )
    assert remote.times(name="late") == 0


def test_no_statement_is_begun_past_the_deadline(remote: Remote, client: Client, database: Database) -> None:
    remote.echo(text="connected")
    before = client.connection.late
    with deadline.within(2.0), pytest.raises(DeadlinePassed):
        remote.rest(seconds=2.5)
    wait_for(lambda: client.connection.late == before + 1)
    assert number(database, "SELECT count(*) FROM attempts WHERE key = 'rest'") == 0
    assert remote.echo(text="still serving") == "still serving"


def test_call_that_waited_too_long_is_not_begun(remote: Remote, client: Client, database: Database) -> None:
    """A foreign client's message, which does not expire at the broker, and says no timeout."""
    late = {"deadline": deadline.to_wire(-1)["deadline"], "caller": "test"}
    answer = client.connection.request(
        "tiny.counting.count", b'{"args":[],"kwargs":{"name":"never","key":"never"}}', late, seconds=5
    )
    assert b'"kind":"deadline"' in answer
    assert remote.times(name="never") == 0


def test_call_whose_worker_was_free_too_late_is_not_begun() -> None:
    """It has the deadline that it came with, not as much time again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from strangler.chassis.rpc.providers import Deadline
        from strangler.chassis.rpc.service import _answering

    begun: list[str] = []
    port: Any = SimpleNamespace(domain="counting", here=lambda method, _: begun.append(method.name))
    port.sample = lambda *_: None
    method = Counting.methods["count"]
    answering = _answering(port, codec("counting", method))

    def work(ends: float) -> bytes:
        worker = SimpleNamespace(data={"ends": ends})
        provider = Deadline()
        provider.worker_setup(worker)
        try:
            return bytes(answering(SimpleNamespace(headers=worker.data), name="n", key="k"))
        finally:
            provider.worker_result(worker)

    assert b'"kind":"deadline"' in copy_context().run(work, time.monotonic() - 0.1)
    assert begun == []
    copy_context().run(work, time.monotonic() + 10)
    assert begun == ["count"]


def test_late_answer_is_dropped_and_disturbs_nobody(remote: Remote, client: Client, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    remote.echo(text="connected")
    before = client.connection.late
    with deadline.within(2.0), pytest.raises(DeadlinePassed):
        remote.count_slowly(name="slow", gate=str(gate), key="slow")
    gate.touch()
    wait_for(lambda: client.connection.late == before + 1)
    assert remote.echo(text="next") == "next"
    assert not client.connection._waiting
