"""Retry, budget, breaker, bulkhead and fallback: each alone, then all of them around a real service."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any

import pybreaker
import pytest

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.client import Client
from strangler.chassis.rpc.errors import (
    BreakerOpen,
    BulkheadFull,
    CallRefused,
    DeadlinePassed,
    DependencyUnavailable,
    Disconnected,
    NoTimeLeft,
    Unrouted,
)
from strangler.chassis.rpc.policies import breaker, bulkhead
from strangler.chassis.rpc.policies.breaker import Breaker
from strangler.chassis.rpc.policies.bulkhead import Bulkhead
from strangler.chassis.rpc.policies.call import ATTEMPTS, Call
from strangler.chassis.rpc.policies.fallback import Fallback
from strangler.chassis.rpc.policies.retry import RESERVE, Retry
from tests.chassis.rpc.conftest import Remote
from tests.chassis.rpc.counting.contract import Counting, TooMany
from tests.ports import free_port, wait_for
from tests.rpc_process import Service


def call(method: str = "echo", **arguments: Any) -> Call:
    return Call("tiny", "counting", Counting.methods[method], arguments)


def failing(error: Exception, times: int = 10**9) -> tuple[Callable[[Call], str], list[Call]]:
    """Something to proceed to that fails so often, and the calls that came through."""
    seen: list[Call] = []

    def proceed(call: Call) -> str:
        seen.append(call)
        if len(seen) <= times:
            raise error
        return "well"

    return proceed, seen


UNSENT = Disconnected("counting", "echo", "no broker")
LOST = Disconnected("counting", "count", "cut", unknown=True)
LATE = DeadlinePassed("counting", "echo", "late", unknown=True)


def test_query_is_repeated_until_it_goes_well() -> None:
    proceed, seen = failing(UNSENT, times=2)
    assert Retry()(call(), proceed) == "well"
    assert len(seen) == 3


def test_command_is_repeated_once_and_with_the_same_key() -> None:
    proceed, seen = failing(LOST)
    with pytest.raises(Disconnected):
        Retry()(call("count", name="n", key="k"), proceed)
    assert [c.arguments["key"] for c in seen] == ["k"] * ATTEMPTS["command"]


def test_repeat_that_was_not_sent_does_not_make_the_first_attempt_known() -> None:
    outcomes = [LOST, Disconnected("counting", "count", "no broker")]

    def proceed(_: Call) -> None:
        raise outcomes.pop(0)

    with pytest.raises(Disconnected, match="no broker") as caught:
        Retry()(call("count", name="n", key="k"), proceed)
    assert caught.value.unknown


@pytest.mark.parametrize(
    "error", [LATE, TooMany(name="n", limit=1), CallRefused("counting", "echo", "no")], ids=repr
)
def test_nothing_else_is_repeated(error: Exception) -> None:
    proceed, seen = failing(error)
    with pytest.raises(type(error)):
        Retry()(call(), proceed)
    assert len(seen) == 1


def test_nothing_is_repeated_past_the_deadline() -> None:
    proceed, seen = failing(UNSENT)
    with deadline.within(-1), pytest.raises(Disconnected):
        Retry()(call(), proceed)
    assert len(seen) == 1


def test_repeats_have_a_budget() -> None:
    """In an outage, a hundred calls are not three hundred."""
    retry = Retry()
    proceed, seen = failing(UNSENT)
    for _ in range(100):
        with pytest.raises(Disconnected):
            retry(call(), proceed)
    assert 100 + RESERVE <= len(seen) <= 100 + RESERVE + 100 * 0.1


def test_the_last_attempt_spends_no_repeat() -> None:
    retry = Retry()
    with pytest.raises(Disconnected):
        retry(call(), failing(UNSENT)[0])
    assert retry.budgets[call().place].tokens == RESERVE - (ATTEMPTS["query"] - 1)


def test_breaker_opens_refuses_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "SECONDS", 0.1)
    policy = Breaker()
    proceed, seen = failing(LATE, times=breaker.FAILURES)
    for _ in range(breaker.FAILURES):
        with pytest.raises(DeadlinePassed):
            policy(call(), proceed)
    with pytest.raises(BreakerOpen, match=r"counting\.echo: its last 5 calls failed"):
        policy(call(), proceed)
    assert len(seen) == breaker.FAILURES

    def well() -> bool:
        try:
            return bool(policy(call(), proceed) == "well")
        except BreakerOpen:
            return False

    wait_for(well, seconds=2)
    assert policy(call(), proceed) == "well"


def test_breaker_recovers_although_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    class HalfAnHourAgo(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "HalfAnHourAgo":
            return super().now(tz) - timedelta(minutes=30)

    policy = Breaker()
    proceed, _ = failing(LATE, times=breaker.FAILURES)
    for _ in range(breaker.FAILURES):
        with pytest.raises(DeadlinePassed):
            policy(call(), proceed)
    for module in (breaker, pybreaker):
        monkeypatch.setattr(module, "datetime", HalfAnHourAgo)
    with pytest.raises(BreakerOpen):
        policy(call(), proceed)
    elapsed = time.monotonic() + breaker.SECONDS
    monkeypatch.setattr(breaker, "time", SimpleNamespace(monotonic=lambda: elapsed))
    assert policy(call(), proceed) == "well"


FULL = BulkheadFull("counting", "echo", "full")
HASTE = NoTimeLeft("counting", "echo", "no time left")


@pytest.mark.parametrize("ours", [FULL, HASTE], ids=repr)
def test_breaker_learns_nothing_from_a_refusal_of_our_own(ours: DomainUnavailable) -> None:
    policy = Breaker()
    for error in [*[LATE] * (breaker.FAILURES - 1), ours, LATE]:
        with pytest.raises(type(error)) as caught:
            policy(call(), failing(error)[0])
        assert caught.value is error
    with pytest.raises(BreakerOpen):
        policy(call(), failing(LATE)[0])


@pytest.mark.parametrize("ours", [FULL, HASTE], ids=repr)
def test_breaker_on_trial_is_not_closed_by_a_refusal_of_our_own(ours: DomainUnavailable) -> None:
    policy = Breaker()
    of = policy.of(call().place)
    of.half_open()
    with pytest.raises(type(ours)):
        policy(call(), failing(ours)[0])
    assert of.current_state == pybreaker.STATE_HALF_OPEN
    with pytest.raises(DeadlinePassed):
        policy(call(), failing(LATE)[0])
    with pytest.raises(BreakerOpen):
        policy(call(), failing(LATE)[0])


@pytest.mark.parametrize("error", [TooMany(name="n", limit=1), CallRefused("c", "m", "no")], ids=repr)
def test_breaker_takes_an_answer_for_a_sign_of_life(error: Exception) -> None:
    policy = Breaker()
    proceed, seen = failing(error)
    for _ in range(breaker.FAILURES * 2):
        with pytest.raises(type(error)):
            policy(call(), proceed)
    assert len(seen) == breaker.FAILURES * 2


def test_breaker_does_not_blame_the_owner_for_the_callers_haste(remote: Remote) -> None:
    remote.echo(text="connected")
    for _ in range(breaker.FAILURES * 2):
        with deadline.within(0.005), pytest.raises(NoTimeLeft):
            remote.patience(seconds=0.02)
    assert remote.echo(text="closed") == "closed"


def test_breaker_does_not_blame_the_owner_for_who_it_asks(remote: Remote) -> None:
    for _ in range(breaker.FAILURES * 2):
        with pytest.raises(DependencyUnavailable, match=r"counting\.needy: it needs counting\.budget"):
            remote.needy()
    assert remote.echo(text="closed") == "closed"


def test_breaker_of_a_host_on_trial_does_not_stop_calls_of_the_owner() -> None:
    policy = Breaker()
    proceed, _ = failing(LATE, times=breaker.FAILURES)
    for _ in range(breaker.FAILURES):
        with pytest.raises(DeadlinePassed):
            policy(Call("trial", "counting", Counting.methods["echo"], {}), proceed)
    assert policy(call(), proceed) == "well"


def test_breaker_does_not_make_calls_wait_for_each_other() -> None:
    policy, together = Breaker(), threading.Barrier(4, timeout=5)
    threads = [threading.Thread(target=policy, args=[call(), lambda _: together.wait()]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    assert not together.broken


def test_full_bulkhead_refuses_and_keeps_others_afloat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkhead, "WAIT_SECONDS", 0.05)
    policy, leave, inside = Bulkhead(), threading.Event(), threading.Semaphore(0)

    def stay(_: Call) -> None:
        inside.release()
        leave.wait(5)

    threads = [threading.Thread(target=policy, args=[call(), stay]) for _ in range(bulkhead.CALLS)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=5)
    with pytest.raises(BulkheadFull, match="6 of its calls are under way"):
        policy(call(), stay)
    with deadline.within(0.01), pytest.raises(DeadlinePassed):
        policy(call(), stay)
    other = Call("elsewhere", "counting", Counting.methods["echo"], {})
    assert policy(other, lambda _: "afloat") == "afloat"
    leave.set()
    for thread in threads:
        thread.join(timeout=5)
    assert policy(call(), lambda _: "room again") == "room again"


def test_bulkhead_serves_who_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who call again and again do not keep the others out."""
    monkeypatch.setattr(bulkhead, "WAIT_SECONDS", 30.0)
    policy, stop, outcomes = Bulkhead(), threading.Event(), []

    def call_all_the_time() -> None:
        while not stop.is_set():
            policy(call(), lambda _: stop.wait(0.001))

    threads = [threading.Thread(target=call_all_the_time) for _ in range(bulkhead.CALLS * 2)]
    for thread in threads:
        thread.start()
    try:
        outcomes = [policy(call(), lambda _: "served") for _ in range(100)]
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=5)
    assert outcomes == ["served"] * 100


def test_fallback_answers_for_who_is_out_of_reach_and_for_nobody_else() -> None:
    assert Fallback()(call("times", name="n"), failing(UNSENT)[0]) == -1
    with pytest.raises(CallRefused):
        Fallback()(call("times", name="n"), failing(CallRefused("c", "m", "no"))[0])
    with pytest.raises(DomainUnavailable):
        Fallback()(call("echo", text="t"), failing(UNSENT)[0])


def test_fallback_of_a_real_call_whose_broker_is_not_there() -> None:
    client = Client(f"amqp://guest:guest@127.0.0.1:{free_port()}//")
    try:
        with deadline.within(0.3):
            assert client.call("counting", Counting.methods["times"], {"name": "n"}) == -1
    finally:
        client.close()


def test_real_breaker_opens_for_a_domain_that_nobody_serves_and_spares_the_others(
    service: Service, client: Client, remote: Remote
) -> None:
    def ask_nobody() -> None:
        client.ask("nowhere", "counting", Counting.methods["echo"], {"text": "t"})

    for _ in range(breaker.FAILURES):
        with pytest.raises((Unrouted, BreakerOpen)):
            ask_nobody()
    with pytest.raises(BreakerOpen):
        ask_nobody()
    assert remote.echo(text="served") == "served"
