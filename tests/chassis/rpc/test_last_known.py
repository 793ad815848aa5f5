"""What is last known answers while its owner is out of reach: all of it or none, and only while fresh."""

from dataclasses import replace
from typing import Any

import pytest

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ports import Port, PortMismatch, query
from strangler.chassis.rpc.errors import CallRefused, Disconnected
from strangler.chassis.rpc.policies import last_known
from strangler.chassis.rpc.policies.call import Call
from strangler.chassis.rpc.policies.last_known import LastKnown
from tests.chassis.rpc.conftest import Remote
from tests.chassis.rpc.counting.contract import Counting
from tests.rpc_process import Service

AWAY = Disconnected("counting", "kept", "no broker")


class Owner:
    """Knows the even ids, until it is away."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.now = 0.0
        self.policy = LastKnown(clock=lambda: self.now)

    def ask(self, *ids: int, shadow: bool = False) -> Any:
        call = Call("tiny", "counting", Counting.methods["kept"], {"ids": [*ids]})
        return self.policy(replace(call, shadow=shadow), self.proceed)

    def proceed(self, call: Call) -> Any:
        if self.error is not None:
            raise self.error
        return {i: str(i) for i in call.arguments["ids"] if i % 2 == 0}


def test_what_was_answered_is_answered_again_absences_too() -> None:
    owner = Owner()
    owner.ask(1, 2)
    owner.ask(4)
    owner.error = AWAY
    assert owner.ask(1, 2, 4) == {2: "2", 4: "4"}
    with pytest.raises(DomainUnavailable):
        owner.ask(2, 6)


def test_not_when_it_is_older_than_the_contract_allows() -> None:
    owner = Owner()
    owner.ask(2)
    owner.now = 50.0
    owner.ask(4)
    owner.error, owner.now = AWAY, 60.0
    assert owner.ask(2, 4) == {2: "2", 4: "4"}
    owner.now = 60.1
    assert owner.ask(4) == {4: "4"}
    with pytest.raises(DomainUnavailable):
        owner.ask(2, 4)


def test_defects_and_shadow_reads_are_not_covered_up() -> None:
    owner = Owner()
    owner.ask(2)
    owner.error = CallRefused("counting", "kept", "no")
    with pytest.raises(CallRefused):
        owner.ask(2)
    owner.error = AWAY
    with pytest.raises(DomainUnavailable):
        owner.ask(2, shadow=True)


def test_oldest_answers_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_known, "MOST_KEPT", 2)
    owner = Owner()
    for i in (2, 4, 2, 6):
        owner.ask(i)
    owner.error = AWAY
    assert owner.ask(2, 6) == {2: "2", 6: "6"}
    with pytest.raises(DomainUnavailable):
        owner.ask(4)


def test_only_what_is_asked_by_ids_is_known_by_id() -> None:
    with pytest.raises(PortMismatch, match="known by id"):

        class Wrong(Port):
            """Its `thing` takes no ids."""

            domain = "wrong"

            @query(last_known=1.0)
            def thing(self, *, name: str) -> int:
                """One."""


def test_dead_service_is_answered_for(service: Service, remote: Remote) -> None:
    known = remote.kept(ids=[1, 2])
    service.kill()
    assert remote.kept(ids=[2, 1]) == known
    with pytest.raises(DomainUnavailable):
        remote.kept(ids=[2, 3])
