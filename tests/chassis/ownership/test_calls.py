"""Calls of a port whose domain moves: asked where it is, once, and never to and fro."""

import time
from collections.abc import Callable, Iterator

import pytest

from strangler.chassis import ownership
from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ownership import DomainMoved
from strangler.chassis.rpc.client import Client
from strangler.chassis.rpc.policies import follow
from tests.chassis.ownership.hosts import World
from tests.chassis.ownership.tiny.contract import Entry, Ledger, TooMuch
from tests.rabbitmq import RabbitMQ

Note = Callable[..., int]
NOTE, ENTRIES, TOTAL = (Ledger.methods[name] for name in ("note", "entries", "total"))


@pytest.fixture
def client(rabbitmq: RabbitMQ, world: World) -> Iterator[Client]:
    """A caller in a host that runs neither domain, and has heard that the old host owns the ledger."""
    ownership.forget("ledger")
    ownership.learn("ledger", "old", world.epoch)
    client = Client(rabbitmq.url, caller="test")
    yield client
    client.close()
    ownership.forget("ledger")


def note(client: Client, key: str, amount: int = 1) -> int:
    made: int = client.call("ledger", NOTE, {"key": key, "amount": amount})
    return made


def test_command_is_carried_to_where_the_domain_is(client: Client, world: World) -> None:
    note(client, "before")
    world.cutover()
    note(client, "after")
    assert ownership.owner_of("ledger") == "new"
    assert (world.old.keys(), world.new.keys()) == (["before"], ["after", "before"])
    with pytest.raises(TooMuch):
        note(client, "more", 10**6)
    world.cutover()
    note(client, "back")
    assert ownership.owner_of("ledger") == "old"
    assert world.old.keys() == ["after", "back", "before"]


def test_who_hears_late_of_the_owner_asks_it_all_the_same(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PATIENCE_SECONDS", 0.0)
    world.cutover()
    note(client, "late")
    assert world.new.keys() == ["late"]


def test_query_is_answered_by_the_owner_alone(client: Client, world: World) -> None:
    made = note(client, "k", 7)
    world.cutover()
    assert client.call("ledger", ENTRIES, {"ids": [made]}) == {made: Entry(id=made, key="k", amount=7)}
    note(client, "learns")
    assert client.call("ledger", TOTAL, {"most": 100}) == 8
    with pytest.raises(TooMuch):
        client.call("ledger", TOTAL, {"most": 5})
    with pytest.raises(DomainMoved):
        client.ask("old", "ledger", NOTE, {"key": "x", "amount": 1})
    assert client.shadow("old", "ledger", ENTRIES, {"ids": [made]})[made].amount == 7


def test_owner_that_nobody_told_takes_over(client: Client, world: World) -> None:
    world.cutover(adopt=True)
    ownership.learn("ledger", "new", world.epoch)
    assert client.call("ledger", TOTAL, {"most": 100}) == 0
    note(client, "k")
    assert world.new.keys() == ["k"]


def test_word_of_somebody_who_knows_less_hands_nothing_over(client: Client, world: World) -> None:
    """Neither a caller of the same epoch nor one that skips some makes a host take a domain over."""
    for epoch in (world.epoch, world.epoch + 2):
        ownership.forget("ledger")
        ownership.learn("ledger", "new", epoch)
        outcome = "moved to old"
        started = time.monotonic()
        try:
            note(client, "k")
        except DomainUnavailable as error:
            outcome = error.reason
            assert time.monotonic() - started < 12
        assert outcome.startswith(("it is moving", "moved to old")), outcome
        assert world.new.keys() == []
        row = world.new.rows.execute("SELECT owner FROM strangler.ownership").fetchone()
        assert row == ("old",)


def test_hosts_that_disagree_are_asked_for_a_moment_only(client: Client, world: World) -> None:
    world.epoch += 1
    for host, owner in ((world.old, "new"), (world.new, "old")):
        host.rows.execute("UPDATE strangler.ownership SET owner = %s, epoch = %s", [owner, world.epoch])
    started = time.monotonic()
    with pytest.raises(DomainUnavailable, match="it is moving"):
        note(client, "k")
    assert time.monotonic() - started < 12
    assert world.old.keys() == world.new.keys() == []
