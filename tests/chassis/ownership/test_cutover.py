"""A domain changes hands under its writers: they are held and carried on, none fails, none writes twice."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import requests
from psycopg import IsolationLevel
from psycopg.errors import SerializationFailure

from strangler.chassis.forwarding.headers import FORWARDED, SIGNATURE, Note, forwarded
from strangler.chassis.ownership.schema import MOVED
from tests.chassis.ownership.hosts import PATIENCE, Host, World
from tests.ports import wait_for

WRITERS = 6
KEY = {"Idempotency-Key": "k"}
REPEATABLE: dict[str, Any] = {"headers": KEY, "path": "/api/keyed-pairs"}
ONCE_ONLY: dict[str, dict[str, Any]] = {
    "no key": {},
    "a key that the view does not know": {"headers": KEY},
    "no key, of a view that asks for one": {"path": "/api/keyed-pairs"},
}
LONGEST_SECONDS = 10.0
"""No answer may take longer: a fence is held for a tenth of a second here."""


@contextmanager
def writing(
    write: Callable[[str], requests.Response], patience: float = LONGEST_SECONDS
) -> Iterator[list[tuple[str, int, Any]]]:
    """Threads that write one key after the other; gives what was answered: key, status, body. At the end
    none may be held, nor have waited longer than `patience`."""
    answers: list[tuple[str, int, Any]] = []
    waits: list[float] = []
    stop = threading.Event()

    def work(writer: int) -> None:
        for turn in range(10**6):
            if stop.is_set():
                return
            key = f"{writer}-{turn}"
            began = time.monotonic()
            answer = write(key)
            waits.append(time.monotonic() - began)
            answers.append((key, answer.status_code, answer.json()))

    threads = [threading.Thread(target=work, args=[n]) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        deadline = time.monotonic() + patience
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
    held = sum(thread.is_alive() for thread in threads)
    assert held == 0, f"{held} writers are held"
    assert max(waits) <= patience, f"an answer took {max(waits):.1f} s"


def more(answers: list[tuple[str, int, Any]], seconds: float = 30) -> None:
    """Wait until every writer has got five more answers."""

    def least() -> int:
        counts = Counter(key.partition("-")[0] for key, *_ in list(answers))
        return min(counts[str(writer)] - before[str(writer)] for writer in range(WRITERS))

    before: Counter[str] = Counter(key.partition("-")[0] for key, *_ in list(answers))
    wait_for(lambda: least() >= 5, seconds=seconds)


def check(world: World, answers: list[tuple[str, int, Any]]) -> None:
    assert [a for a in answers if a[1] != 201] == [], world.old.log()[-3000:] + world.new.log()[-3000:]
    assert sorted(key for key, *_ in answers) == world.owner.keys()


def test_a_writer_that_is_held_is_seen() -> None:
    release, answer = threading.Event(), requests.Response()
    answer.status_code, answer._content = 201, b"{}"

    def write(key: str) -> requests.Response:
        if key.startswith("3"):
            release.wait(60)
        return answer

    with (
        pytest.raises(AssertionError, match="1 writers are held"),
        writing(write, patience=5.0) as answers,
        pytest.raises(AssertionError, match="Not within"),
    ):
        more(answers, seconds=0.2)
    release.set()


PATHS = ["/api/entries", "/api/visits", "/api/notes"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("tell", [True, False], ids=["told", "untold"])
def test_writers_are_held_and_carried_on(world: World, path: str, tell: bool) -> None:
    """By HTTP to the ledger's own route, through its port in a transaction, and through its port outside
    one; whether Consul tells the processes or the fence alone does."""
    with writing(lambda key: world.old.post(path, key=key, amount=1)) as answers:
        more(answers)
        world.cutover(tell=tell)
        more(answers)
        world.cutover(tell=tell)
        more(answers)
        world.cutover(tell=tell)
        more(answers)
    check(world, answers)
    assert world.owner is world.new
    assert world.new.number("SELECT count(*) FROM desk_visit") == 0
    if path == "/api/visits":
        assert world.old.number("SELECT count(*) FROM desk_visit WHERE entry IS NOT NULL") == len(answers)


@pytest.mark.parametrize("path", PATHS)
def test_new_owner_takes_over_what_a_killed_command_left(world: World, path: str) -> None:
    """The command told the old host that the ledger moved, and died before it told the new one."""
    with writing(lambda key: world.old.post(path, key=key, amount=1)) as answers:
        more(answers)
        world.cutover(adopt=True)
        more(answers)
    check(world, answers)
    row = world.new.rows.execute("SELECT owner, epoch FROM strangler.ownership").fetchone()
    assert row == ("new", world.epoch)


@pytest.mark.parametrize("path", PATHS)
def test_former_owner_takes_back_what_a_killed_rollback_left(world: World, path: str) -> None:
    """Its own database says still that the ledger is elsewhere, by an older word than the other's."""
    with writing(lambda key: world.old.post(path, key=key, amount=1)) as answers:
        world.cutover()
        more(answers)
        world.cutover(adopt=True)
        more(answers)
    check(world, answers)
    row = world.old.rows.execute("SELECT owner, epoch FROM strangler.ownership").fetchone()
    assert row == ("old", world.epoch)


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
def test_writer_whose_snapshot_is_older_is_refused(world: World, level: IsolationLevel) -> None:
    insert = "INSERT INTO ledger_entry (key, amount) VALUES ('late', 1)"
    with psycopg.connect(world.old.database) as writer:
        writer.isolation_level = level
        writer.execute(insert.replace("late", "in time"))
        writer.commit()
        writer.execute("SELECT count(*) FROM ledger_entry")
        world.cutover()
        with pytest.raises(SerializationFailure):
            writer.execute(insert)
        writer.rollback()
        with pytest.raises(psycopg.DatabaseError) as refusal:
            writer.execute(insert)
        assert refusal.value.sqlstate == MOVED
    assert world.new.keys() == ["in time"]


def entry(host: Host, key: str, **headers: str) -> requests.Response:
    return host.post("/api/entries", headers=headers, key=key, amount=1)


def test_answer_comes_as_the_owner_gave_it(world: World) -> None:
    world.cutover(tell=False)
    answer = entry(world.old, "k")
    assert (answer.status_code, answer.json()["host"], answer.headers["X-Noted-By"]) == (201, "new", "new")
    assert "X-Strangler-Moved" not in answer.headers
    assert len(answer.headers["X-Request-Id"].split(",")) == 1
    refused = world.old.post("/api/entries", key="more", amount=10**6)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "too_much")
    made = answer.json()["id"]
    patched = requests.patch(f"{world.old.url}/api/entries/{made}?a=b%20c", json={"amount": 5}, timeout=20)
    assert patched.json() == {"host": "new", "query": "a=b%20c"}
    assert world.new.get(f"/api/entries/{made}").json()["amount"] == 5


def test_what_is_known_to_be_elsewhere_is_not_checked_against_old_rows(world: World) -> None:
    world.cutover()
    made = entry(world.new, "only-there").json()["id"]
    entry(world.old, "learns")
    patched = requests.patch(f"{world.old.url}/api/entries/{made}", json={"amount": 5}, timeout=20)
    assert (patched.status_code, patched.json()["host"]) == (200, "new")


def test_reads_of_the_old_tables_go_on(world: World) -> None:
    made = entry(world.old, "k").json()["id"]
    world.cutover()
    assert world.old.get(f"/api/entries/{made}").json()["key"] == "k"


def test_request_that_was_sent_on_goes_no_further(world: World) -> None:
    """Two hosts that both believe the other to be the owner answer within the bound."""
    world.epoch += 1
    for host, owner in ((world.old, "new"), (world.new, "old")):
        host.rows.execute("UPDATE strangler.ownership SET owner = %s, epoch = %s", [owner, world.epoch])
    answer = entry(world.old, "nowhere")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.elapsed.total_seconds() < 12
    assert world.old.keys() == world.new.keys() == []
    note = {"X-Strangler-Forwarded": "somebody;ledger;1"}
    refused = entry(world.old, "sent", **note)
    told = (refused.status_code, refused.headers.get("X-Strangler-Moved"))
    assert told == (503, f"new;ledger;{world.epoch}"), refused.text + world.old.logs[0].read_text()[-3000:]


FORGED: dict[str, Callable[[Note], dict[str, str]]] = {
    "not signed": lambda note: {FORWARDED: str(note)},
    "with what is no signature": lambda note: {FORWARDED: str(note), SIGNATURE: "é"},
    "signed with another key": lambda note: forwarded(note, to="old", key="another"),
    "given to another host": lambda note: forwarded(note, to="new", key=os.environ["FORWARDING_KEY"]),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_client_gives_no_domain_to_a_host(world: World, forge: Callable[[Note], dict[str, str]]) -> None:
    """It writes the header that hosts write, with the right epoch, to a host that it reaches itself."""
    world.cutover()
    answer = entry(world.old, "stolen", **forge(Note("new", "ledger", world.epoch + 1)))
    told = (answer.status_code, answer.headers.get("X-Strangler-Moved"))
    assert told == (503, f"new;ledger;{world.epoch}")
    row = world.old.rows.execute("SELECT owner, epoch FROM strangler.ownership").fetchone()
    assert (row, world.old.keys()) == (("new", world.epoch), [])
    assert entry(world.old, "given").json()["host"] == "new"


@pytest.fixture
def keyless(world: World) -> Iterator[World]:
    """The new host does not know the key."""

    def restart(**environment: str) -> None:
        world.new.web.kill()
        wait_for(lambda: not world.consul.passing("new"), seconds=PATIENCE)
        world.new.web.start(**environment)
        wait_for(lambda: world.consul.passing("new"), seconds=PATIENCE)

    restart(FORWARDING_KEY="")
    yield world
    restart()


def test_host_without_the_key_waits_for_the_command_that_was_killed(keyless: World) -> None:
    """Writers are told to try again until then, and nothing is lost."""
    keyless.cutover(adopt=True)
    refused = entry(keyless.old, "early")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert keyless.old.keys() == keyless.new.keys() == []
    keyless.flip(keyless.new)
    assert entry(keyless.old, "then").json()["host"] == "new"


def test_owner_that_is_down_is_waited_for_then_unavailable(world: World) -> None:
    world.cutover()
    world.new.web.kill()
    try:
        wait_for(lambda: not world.consul.passing("new"), seconds=20)
        answer = entry(world.old, "nobody")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "service_unavailable")
        assert 1.5 < answer.elapsed.total_seconds() < 12
    finally:
        world.new.web.start()
        wait_for(lambda: world.consul.passing("new"), seconds=20)


@contextmanager
def half_done(
    world: World,
    *,
    headers: dict[str, str] | None = None,
    path: str = "/api/pairs",
    owner: Host | None = None,
) -> Iterator[list[requests.Response]]:
    """Inside the block a request to the old host has noted one entry of two, there or at the owner; after it,
    it has been answered."""
    noting = owner or world.old
    answers: list[requests.Response] = []
    with psycopg.connect(noting.database, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        pair = threading.Thread(
            target=lambda: answers.append(world.old.post(path, headers=headers, keys=["a", "b"]))
        )
        pair.start()
        wait_for(lambda: noting.keys() == ["a"])
        yield answers
    pair.join(timeout=30)


@pytest.mark.parametrize("request_", ONCE_ONLY.values(), ids=ONCE_ONLY)
def test_what_is_half_done_for_good_is_not_done_again_elsewhere(
    world: World, request_: dict[str, Any]
) -> None:
    """Nobody knows what the first half would do a second time, so the client is told."""
    with half_done(world, **request_) as answers:
        world.cutover(tell=False)
    assert (answers[0].status_code, answers[0].json()["errors"][0]["code"]) == (502, "outcome_unknown")
    assert "Retry-After" not in answers[0].headers
    assert world.new.keys() == ["a"]


def test_what_is_half_done_is_done_again_if_it_says_that_it_may_be(world: World) -> None:
    with half_done(world, **REPEATABLE) as answers:
        world.cutover(tell=False)
    assert (answers[0].status_code, answers[0].json()["host"]) == (201, "new")
    assert world.new.keys() == ["a", "b"]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        *((request_, (502, "outcome_unknown")) for request_ in ONCE_ONLY.values()),
        (REPEATABLE, (503, "service_unavailable")),
    ],
)
def test_write_whose_owner_died_over_it_may_be_done(
    world: World, request_: dict[str, Any], told: tuple[int, str]
) -> None:
    """Who may send it again is told to, when nobody could be asked again in time."""
    world.cutover()
    try:
        with half_done(world, **request_, owner=world.new) as answers:
            world.new.web.kill()
    finally:
        world.new.web.start()
        wait_for(lambda: world.consul.passing("new"), seconds=20)
    assert (answers[0].status_code, answers[0].json()["errors"][0]["code"]) == told
    assert ("Retry-After" in answers[0].headers) is (request_ is REPEATABLE)


def test_upload_too_large_to_be_carried_is_to_be_made_again(world: World) -> None:
    def upload(host: Host) -> requests.Response:
        return requests.post(f"{host.url}/api/uploads", files={"file": b"x" * (3 * 2**20)}, timeout=20)

    world.cutover(tell=False)
    for _ in ("the fence says where it is", "it is known"):
        refused = upload(world.old)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (503, "service_unavailable")
        assert refused.headers["Retry-After"]
    world.publish()
    wait_for(lambda: upload(world.new).status_code == 201)
    assert world.old.keys() == []


def test_write_past_the_port_is_named(world: World) -> None:
    """It can never be done where the route is, so nobody is told to try again."""
    assert world.old.post("/api/trespasses", key="a", amount=1).status_code == 201
    world.cutover()
    answer = world.old.post("/api/trespasses", key="b", amount=1)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (500, None)
    assert world.owner.keys() == ["a"]
    said = (
        "POST /api/trespasses, a route of desk, writes to tables of ledger, which has moved to the host new"
    )
    wait_for(lambda: said in world.old.log(), seconds=PATIENCE)


def test_refusal_says_where_a_command_is_to_run(world: World) -> None:
    """As who runs it at the old host reads it."""
    world.cutover()
    with pytest.raises(psycopg.Error) as refused:
        world.old.rows.execute("DELETE FROM ledger_entry")
    assert refused.value.sqlstate == MOVED
    assert "HINT:  Nothing was changed. Run this at the host new." in str(refused.value)
