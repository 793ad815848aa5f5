"""Questions by key that are asked at once go together, and each gets its own answer or its own error."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pytest

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ownership import DomainMoved
from strangler.chassis.ports import Port, PortMismatch, query
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.errors import CallRefused, Disconnected
from strangler.chassis.rpc.policies import batch
from strangler.chassis.rpc.policies.batch import Batch
from strangler.chassis.rpc.policies.call import Call
from tests.chassis.rpc.conftest import Remote
from tests.chassis.rpc.counting.contract import Counting
from tests.ports import wait_for

AWAY = Disconnected("counting", "together", "no broker")


def call(*ids: int) -> Call:
    return Call("tiny", "counting", Counting.methods["together"], {"ids": [*ids]})


class Owner:
    """Answers for the even ids. While `gate` is closed it says nothing; `outcome` may raise."""

    def __init__(self) -> None:
        self.policy, self.pool = Batch(), ThreadPoolExecutor(16)
        self.gate = threading.Event()
        self.asked: list[list[int]] = []
        self.left: list[float | None] = []
        self.outcome: Callable[[list[int]], None] = lambda ids: None

    def proceed(self, call: Call) -> dict[int, str]:
        ids = call.arguments["ids"]
        self.asked.append(ids)
        self.left.append(deadline.remaining())
        assert self.gate.wait(30)
        self.outcome(ids)
        return {i: str(i) for i in ids if i % 2 == 0}

    def ask(self, *ids: int, seconds: float = 3.0) -> Any:
        with deadline.within(seconds):
            return self.policy(call(*ids), self.proceed)

    def begin(self, *ids: int, seconds: float = 3.0) -> "Future[Any]":
        """Ask in a thread, and wait until the question is asked or stands in line."""
        before = len(self.asked) + self.waiting
        future = self.pool.submit(self.ask, *ids, seconds=seconds)
        wait_for(lambda: len(self.asked) + self.waiting > before, seconds=30)
        return future

    @property
    def waiting(self) -> int:
        return sum(len(line.waiting) for line in self.policy.lines.values())

    @property
    def idle(self) -> bool:
        return not any(line.busy or line.waiting for line in self.policy.lines.values())


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> Owner:
    """Its callers have patience: they are started one after the other."""
    monkeypatch.setattr(batch, "WAIT_SECONDS", 5.0)
    return Owner()


def test_those_who_come_meanwhile_go_together(owner: Owner) -> None:
    first = owner.begin(2)
    others = [owner.begin(4, 5), owner.begin(6), owner.begin(4)]
    owner.gate.set()
    assert first.result(30) == {2: "2"}
    assert [other.result(30) for other in others] == [{4: "4"}, {6: "6"}, {4: "4"}]
    assert owner.asked == [[2], [4, 5, 6]]
    assert owner.ask(8) == {8: "8"}
    assert owner.idle


def test_who_has_most_time_left_asks_for_all(owner: Owner) -> None:
    first = owner.begin(2)
    others = [owner.begin(4, seconds=10.0), owner.begin(6, seconds=30.0), owner.begin(8, seconds=20.0)]
    owner.gate.set()
    for future in [first, *others]:
        future.result(30)
    assert owner.left[1] is not None
    assert owner.left[1] > 21


def test_a_big_batch_is_split(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST_KEYS", 3)
    futures = [
        owner.begin(2),
        owner.begin(4, 5),
        owner.begin(6, 7),
        owner.begin(*range(8, 14)),
        owner.begin(14),
    ]
    owner.gate.set()
    assert futures[3].result(30) == {8: "8", 10: "10", 12: "12"}
    for future in futures:
        future.result(30)
    assert owner.asked == [[2], [4, 5], [6, 7], [*range(8, 14)], [14]]
    assert owner.idle


@pytest.mark.parametrize("error", [AWAY, DomainMoved("counting", "elsewhere", 2)], ids=repr)
def test_an_owner_out_of_reach_is_so_for_all(owner: Owner, error: Exception) -> None:
    def fail(ids: list[int]) -> None:
        raise error

    owner.outcome = fail
    futures = [owner.begin(2), owner.begin(4), owner.begin(6)]
    owner.gate.set()
    for future in futures:
        with pytest.raises(type(error)):
            future.result(30)
    assert owner.asked == [[2], [4, 6]]
    assert owner.idle


def test_what_one_question_breaks_is_not_the_others_fault(owner: Owner) -> None:
    def fail(ids: list[int]) -> None:
        if 6 in ids:
            raise CallRefused("counting", "together", "not 6")

    owner.outcome = fail
    futures = [owner.begin(2), owner.begin(4), owner.begin(6), owner.begin(8)]
    owner.gate.set()
    assert [futures[n].result(30) for n in (0, 1, 3)] == [{2: "2"}, {4: "4"}, {8: "8"}]
    with pytest.raises(CallRefused):
        futures[2].result(30)
    assert owner.idle


def test_nobody_waits_long_for_an_answer_to_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "WAIT_SECONDS", 0.01)
    owner = Owner()
    first = owner.begin(2)
    second = owner.pool.submit(owner.ask, 4)
    wait_for(lambda: owner.asked == [[2], [4]], seconds=30)
    owner.gate.set()
    assert first.result(30) == {2: "2"}
    assert second.result(30) == {4: "4"}
    assert owner.idle


def test_the_deadline_holds_in_a_batch_too(owner: Owner) -> None:
    first = owner.begin(2)
    others = [owner.begin(4, seconds=2.5), owner.begin(6, seconds=60.0)]
    gate, owner.gate = owner.gate, threading.Event()
    gate.set()
    assert first.result(30) == {2: "2"}
    with pytest.raises(DomainUnavailable, match="not back"):
        others[0].result(30)
    owner.gate.set()
    assert others[1].result(30) == {6: "6"}
    assert owner.idle


def test_lead_that_comes_as_the_deadline_ends_is_not_lost(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = owner.begin(2), owner.begin(4, seconds=3.0)
    tell = Future.set_result

    def tell_late(word: "Future[Any]", value: Any) -> None:
        if isinstance(value, list):
            wait([second], timeout=4.0)  # with its lead untold, it must not give up
        tell(word, value)

    monkeypatch.setattr(Future, "set_result", tell_late)
    owner.gate.set()
    assert first.result(30) == {2: "2"}
    assert second.result(30) == {4: "4"}
    assert owner.idle


def test_shadow_reads_go_alone(owner: Owner) -> None:
    first = owner.begin(2)
    shadow = owner.pool.submit(owner.policy, replace(call(4), shadow=True), owner.proceed)
    wait_for(lambda: owner.asked == [[2], [4]], seconds=30)
    owner.gate.set()
    assert [first.result(30), shadow.result(30)] == [{2: "2"}, {4: "4"}]


def test_everybody_gets_what_they_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen callers, a hundred questions each, little patience, an owner that is slow or away at times."""
    monkeypatch.setattr(batch, "WAIT_SECONDS", 0.002)
    owner, chance = Owner(), random.Random(7)
    owner.gate.set()

    def moody(ids: list[int]) -> None:
        threading.Event().wait(chance.choice([0.0, 0.001, 0.004]))
        if chance.random() < 0.05:
            raise AWAY
        if any(i % 97 == 0 for i in ids):
            raise CallRefused("counting", "together", "no multiples of 97")

    owner.outcome = moody

    def customer(number: int) -> int:
        mine, answered = random.Random(number), 0
        for _ in range(100):
            ids = [mine.randrange(1, 1000) for _ in range(mine.randrange(1, 4))]
            try:
                answer = owner.ask(*ids)
            except DomainUnavailable:
                continue
            except CallRefused:
                assert any(i % 97 == 0 for i in ids)
                continue
            assert not any(i % 97 == 0 for i in ids)
            assert answer == {i: str(i) for i in ids if i % 2 == 0}
            answered += 1
        return answered

    assert sum(owner.pool.map(customer, range(16))) > 1000
    assert len(owner.asked) < 1600
    assert owner.idle


def test_a_real_services_callers_share_calls(remote: Remote) -> None:
    remote.together(ids=[2])
    together = threading.Barrier(8, timeout=5)

    def ask(number: int) -> list[dict[int, int]]:
        together.wait()
        return [remote.together(ids=[number, number + 1000]) for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(0, 16, 2)))
    assert all(set(answer) == {2 * n, 2 * n + 1000} for n, each in enumerate(answers) for answer in each)
    assert max(size for each in answers for answer in each for size in answer.values()) > 2


def test_only_what_is_asked_by_keys_alone_is_batched() -> None:
    with pytest.raises(PortMismatch, match="keys alone"):

        class Wrong(Port):
            """Its `things` takes more."""

            domain = "wrong"

            @query(batched=True)
            def things(self, *, ids: list[int], limit: int) -> dict[int, int]:
                """Some."""
