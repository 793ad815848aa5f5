"""Events meet domains that move: who does not own a domain leaves its effects to who does."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

import amqp
import kombu
import msgspec
import pytest
from django.db import connection, transaction
from django.utils import timezone

from strangler.chassis import ownership
from strangler.chassis.errors import ContractError
from strangler.chassis.events import Event, delivery, envelope, letters, publish, registry, sweeping, topology
from strangler.chassis.events.delivery import deliver
from strangler.chassis.events.models import Inbox, Outbox, Pending, Received
from strangler.chassis.management.commands.prepare import Command
from strangler.chassis.ownership.schema import SCHEMA
from tests.chassis.events.hosts import arrived
from tests.rabbitmq import RabbitMQ

pytestmark = pytest.mark.django_db(transaction=True)


class Happened(Event, frozen=True, kw_only=True):
    """Something happened to an aggregate."""

    TYPE: ClassVar[str] = "tests.happened"
    KEY: ClassVar[str] = "name"
    name: str
    number: int


class Busy(ContractError):
    """Come back later."""

    status = 503


class Effects:
    """What the handlers of two domains did; `errors` are what they raise, `does` is what else they do."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.errors: dict[tuple[str, int], Exception] = {}
        self.does: dict[str, Callable[[Happened], object]] = {}

    def handler(self, domain: str) -> Callable[[Happened], None]:
        def handle(event: Happened) -> None:
            if error := self.errors.get((domain, event.number)):
                raise error
            if does := self.does.get(domain):
                does(event)
            self.done.append((domain, event.number))

        handle.__qualname__ = f"{domain}.handle"
        return handle

    def of(self, domain: str) -> list[int]:
        return [number for name, number in self.done if name == domain]


@pytest.fixture
def effects(monkeypatch: pytest.MonkeyPatch) -> Iterator[Effects]:
    """Two domains, `near` and `far`, both hosted here, listen to Happened."""
    monkeypatch.setattr(registry, "_types", {})
    monkeypatch.setattr(registry, "_handlers", {})
    effects = Effects()
    for domain in ("far", "near"):
        ownership.hosting(domain)
        registry.subscribe({Happened: [effects.handler(domain)]}, domain=domain)
    yield effects
    ownership.forget("far")
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS strangler CASCADE")


def happen(*numbers: int, name: str = "x") -> None:
    for number in numbers:
        with transaction.atomic():
            publish(Happened(name=name, number=number))


def sweep(broker: str = "amqp://nobody@127.0.0.1:9//") -> None:
    """As later: all that waits is due. By default no broker takes dead letters."""
    long_ago = timezone.now() - timedelta(minutes=1)
    for model in (Outbox, Received):
        model.objects.update(deliver_after=long_ago, **{model.BEGAN: long_ago})
    sweeping.sweep(host="monolith", broker=broker)


def claimed_elsewhere(*numbers: int) -> None:
    """The other host had the effect, and its claim came by replication."""
    for row in Outbox.objects.filter(payload__number__in=numbers):
        name = next(h.name for h in registry.handlers_of(row.type) if h.domain == "far")
        Inbox.objects.create(event_id=row.event_id, handler=name, domain="far")


def unfinished() -> list[int]:
    rows = Outbox.objects.filter(delivered_at=None, dead_at=None).order_by("pk")
    return [row.payload["number"] for row in rows]


def test_claim_says_whose_effect_it_was(effects: Effects) -> None:
    happen(1)
    assert sorted(effects.done) == [("far", 1), ("near", 1)]
    assert sorted(Inbox.objects.values_list("domain", flat=True)) == ["far", "near"]
    assert unfinished() == []


def test_domain_that_is_elsewhere_is_left_to_its_owner_and_holds_nobody_up(effects: Effects) -> None:
    ownership.learn("far", "elsewhere", 2)
    happen(1, 2)
    assert effects.done == [("near", 1), ("near", 2)]
    sweep()
    assert effects.done == [("near", 1), ("near", 2)]
    assert unfinished() == [1, 2]
    assert list(Outbox.objects.values_list("attempts", "waits_for")) == [(0, "far")] * 2

    claimed_elsewhere(1)
    sweep()
    assert unfinished() == [2]
    claimed_elsewhere(2)
    sweep()
    assert unfinished() == []
    assert effects.of("far") == []


def test_domain_that_comes_back_gets_at_once_what_its_owner_did_not_handle(effects: Effects) -> None:
    ownership.learn("far", "elsewhere", 2)
    happen(1, 2, 3)
    claimed_elsewhere(1)
    before = timezone.now()
    sweep()
    assert Outbox.objects.filter(deliver_after__gt=before).count() == 2
    ownership.learn("far", ownership.host(), 3)
    sweeping.sweep(host="monolith", broker="")
    assert effects.of("far") == [2, 3]
    assert unfinished() == []


def test_fence_decides_where_a_process_has_not_heard_yet(effects: Effects) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        cursor.execute("INSERT INTO strangler.ownership VALUES ('far', 'here', 'elsewhere', 7)")
    assert ownership.owned_here("far")
    happen(1)
    assert effects.done == [("near", 1)]
    assert ownership.owner_of("far") == "elsewhere"
    assert Inbox.objects.filter(domain="far").count() == 0
    sweep()
    assert list(Outbox.objects.values_list("attempts", "waits_for")) == [(0, "far")]


def test_received_event_waits_in_the_same_way(effects: Effects) -> None:
    ownership.learn("far", "elsewhere", 2)
    row = Received.objects.create(
        source="there", type="tests.happened", aggregate="x", payload={"name": "x", "number": 1}
    )
    deliver([row])
    assert effects.done == [("near", 1)]
    sweep()
    ownership.learn("far", ownership.host(), 3)
    sweep()
    assert effects.done == [("near", 1), ("far", 1)]
    row.refresh_from_db()
    assert row.delivered_at is not None


def test_failing_domain_keeps_its_own_order_and_no_other_waiting(effects: Effects) -> None:
    effects.errors["far", 1] = ValueError("not yet")
    happen(1, 2)
    happen(7, name="y")
    assert effects.of("near") == [1, 2, 7]
    assert effects.of("far") == [7]
    assert Outbox.objects.get(payload__number=1).last_error.endswith("far.handle: ValueError('not yet')")
    sweep()
    assert effects.of("far") == [7]
    effects.errors.clear()
    sweep()
    assert effects.of("far") == [7, 1, 2]
    assert effects.of("near") == [1, 2, 7]


def attempts() -> int:
    return int(Outbox.objects.get().attempts)


@pytest.mark.parametrize(("error", "counted"), [(ValueError("a defect"), 3), (Busy(), 0)])
def test_only_what_may_be_the_events_fault_counts(effects: Effects, error: Any, counted: int) -> None:
    effects.errors["far", 1] = error
    happen(1)
    sweep()
    before = timezone.now()
    sweep()
    assert attempts() == counted
    assert Outbox.objects.get().deliver_after > before


def test_nobody_tries_more_often_than_allowed(effects: Effects, rabbitmq: RabbitMQ) -> None:
    effects.errors["far", 1] = ValueError("a defect")
    happen(1)
    Outbox.objects.update(attempts=20)
    effects.errors.clear()
    sweep()
    assert effects.of("far") == []
    row = Outbox.objects.get()
    assert (row.dead_at, row.attempts) == (None, 20)
    sweep(rabbitmq.url)
    row.refresh_from_db()
    assert row.dead_at is not None
    happen(2)
    assert effects.of("far") == [2]


def test_what_is_done_and_old_is_forgotten(effects: Effects) -> None:
    happen(1, 2, 3)
    old, older = timezone.now() - timedelta(days=8), timezone.now() - timedelta(days=31)
    Outbox.objects.filter(payload__number=1).update(occurred_at=old, delivered_at=old, published_at=old)
    Outbox.objects.filter(payload__number=2).update(occurred_at=old, delivered_at=old)
    Inbox.objects.create(event_id=uuid4(), handler="old", domain="far", handled_at=older)
    assert sweeping.prune() == 2
    assert sorted(row.payload["number"] for row in Outbox.objects.all()) == [2, 3]
    assert Inbox.objects.count() == 6


def test_what_is_old_is_forgotten_in_slices_until_nothing_is_left(
    effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "SLICE", 3)
    happen(*range(10))
    old = timezone.now() - timedelta(days=31)
    Outbox.objects.update(occurred_at=old, delivered_at=old, published_at=old)
    Inbox.objects.filter(domain="far").update(handled_at=old)
    assert sweeping.prune(seconds=0) == 3 + 3
    assert sweeping.prune() == 7 + 7
    assert (Outbox.objects.count(), Inbox.objects.count()) == (0, 10)


def test_where_no_relay_ever_ran_nobody_waits_for_what_is_old(effects: Effects) -> None:
    happen(1)
    old = timezone.now() - timedelta(days=8)
    Outbox.objects.update(occurred_at=old, delivered_at=old)
    assert sweeping.prune() == 1


def test_what_was_left_when_its_domain_moved_is_handed_to_the_owner(
    effects: Effects, rabbitmq: RabbitMQ
) -> None:
    effects.errors["far", 1] = ValueError("not here")
    happen(1, 2)
    assert effects.of("far") == []
    ownership.learn("far", "elsewhere", 2)
    sweep(rabbitmq.url)  # which has no queue of elsewhere's yet
    assert set(Outbox.objects.values_list("waits_for", "handed_to")) == {("far", "")}
    with kombu.Connection(rabbitmq.url) as broker:
        channel: Any = broker.channel()
        topology.declare_host(channel, "elsewhere", [])
        sweep(rabbitmq.url)
        sweep(rabbitmq.url)
        assert set(Outbox.objects.values_list("waits_for", "handed_to")) == {("far", "elsewhere")}
    messages = arrived(rabbitmq.url, "elsewhere", count=2)
    sent = [envelope.read(m.headers, m.properties["content_type"], m.body) for m in messages]
    assert [(event.source, msgspec.json.decode(event.payload)["number"]) for event in sent] == [
        ("monolith", 1),
        ("monolith", 2),
    ]


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def leave_for_the_sweeper(effects: Effects, *, aggregates: int, events: int) -> None:
    effects.errors = {("far", number): Busy() for number in range(events)}
    for name in range(aggregates):
        happen(*range(events), name=f"x{name}")
    effects.errors.clear()


@pytest.mark.parametrize(("aggregates", "events"), [(20, 1), (1, 20)])
def test_sweep_of_slow_handlers_ends_in_time(
    effects: Effects, monkeypatch: pytest.MonkeyPatch, aggregates: int, events: int
) -> None:
    leave_for_the_sweeper(effects, aggregates=aggregates, events=events)
    clock = Clock()
    for module in (sweeping, delivery):
        monkeypatch.setattr(module, "time", clock)

    def last_a_second(event: Happened) -> None:
        clock.now += 1

    effects.does["far"] = last_a_second
    sweep()
    assert effects.of("far") == ([*range(5)] if events > 1 else [0] * 5)
    sweep()
    assert len(effects.of("far")) == 10


def test_one_sweep_at_a_time(effects: Effects) -> None:
    leave_for_the_sweeper(effects, aggregates=2, events=1)
    meanwhile: list[int] = []
    effects.does["far"] = lambda event: meanwhile.append(sweeping.sweep(host="monolith", broker=""))
    sweep()
    assert meanwhile == [0, 0]
    assert effects.of("far") == [0, 0]


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the events that were handed to an owner."""
    handed: list[int] = []

    def hand_over(rows: Sequence[Pending], **_: str) -> bool:
        handed.extend(row.payload["number"] for row in rows)
        return True

    monkeypatch.setattr(letters, "hand_over", hand_over)
    return handed


def test_what_a_later_event_found_left_before_the_sweeper_did_is_handed_over(
    effects: Effects, handed: list[int]
) -> None:
    effects.errors["far", 1] = Busy()
    happen(1)
    ownership.learn("far", "elsewhere", 2)
    Outbox.objects.update(deliver_after=timezone.now())
    happen(2)
    assert Outbox.objects.get(payload__number=1).waits_for == "far"
    sweep()
    sweep()
    assert handed == [1, 2]


def test_what_the_fence_refused_in_the_middle_of_a_sweep_is_handed_over(
    effects: Effects, handed: list[int]
) -> None:
    for number in (1, 2, 3):
        effects.errors["far", number] = Busy()
        happen(number, name=f"x{number}")
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        cursor.execute("INSERT INTO strangler.ownership VALUES ('far', 'here', 'elsewhere', 7)")
    Outbox.objects.update(deliver_after=timezone.now())
    deliver(list(Outbox.objects.all()), again=True)
    assert set(Outbox.objects.values_list("waits_for", flat=True)) == {"far"}
    sweep()
    sweep()
    assert handed == [1, 2, 3]


def test_what_the_owner_may_be_handling_is_not_handed_over(effects: Effects, handed: list[int]) -> None:
    ownership.learn("far", "elsewhere", 2)
    happen(1)
    Outbox.objects.update(deliver_after=timezone.now())
    assert sweeping.sweep(host="monolith", broker="") == 1
    assert handed == []
    sweep()
    assert handed == [1]


def test_what_also_fails_for_a_domain_that_stayed_is_handed_over(effects: Effects, handed: list[int]) -> None:
    effects.errors["near", 1] = ValueError("a defect")
    ownership.learn("far", "elsewhere", 2)
    happen(1)
    sweep()
    sweep()
    assert handed == [1]


def test_what_came_back_and_leaves_again_is_handed_over_again(effects: Effects, handed: list[int]) -> None:
    effects.errors["far", 1] = Busy()
    for epoch, owner in enumerate(("elsewhere", ownership.host(), "elsewhere"), start=2):
        ownership.learn("far", owner, epoch)
        if epoch == 2:
            happen(1)
        sweep()
    assert handed == [1, 1]


def test_host_that_is_prepared_misses_nothing(effects: Effects, rabbitmq: RabbitMQ) -> None:
    Command().subscribe(rabbitmq.url)
    with kombu.Connection(rabbitmq.url) as broker:
        channel: Any = broker.channel()
        message = amqp.basic_message.Message(b"x")
        channel.basic_publish(message, exchange=topology.EXCHANGE, routing_key="tests.happened")
    assert len(arrived(rabbitmq.url, "monolith", count=1)) == 1
