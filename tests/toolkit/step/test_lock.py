"""A command that has lost its lock does no more: another may have gone on since."""

import subprocess
import sys

import msgspec
import psutil
import pytest
import requests

from strangler.toolkit.consul import ConsulError
from strangler.toolkit.replication.backfill import empty
from strangler.toolkit.replication.database import Database
from strangler.toolkit.replication.errors import ReplicationError
from strangler.toolkit.replication.pair import Pair
from strangler.toolkit.step import effects, lock
from strangler.toolkit.step.errors import Held, Lost
from tests.toolkit.step.sleeping import asleep
from tests.toolkit.step.world import World

BOOKS = "SELECT count(*) AS n FROM books_book"


def entry(world: World) -> dict[str, str]:
    answer = requests.get(f"{world.consul.url}/v1/kv/{lock.LOCKS}/books", timeout=5)
    found: list[dict[str, str]] = answer.json()
    return found[0]


def expire(world: World) -> None:
    """The holder's session ends, as it does when nobody renews it."""
    url = f"{world.consul.url}/v1/session/destroy/{entry(world)['Session']}"
    requests.put(url, timeout=5).raise_for_status()


def test_command_that_slept_does_not_empty_what_another_has_moved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.seed(20)
    with asleep(world, monkeypatch, effects, "expand.publish_tables") as ended:
        expire(world)
        world.migrate()
        world.run("books", "INSERT INTO books_author (name) VALUES ('since the cutover')")
        moved = world.store.folder("strangler/steps/books")
    assert ended[0].status == 1
    assert "The lock on books is lost" in ended[0].said
    assert world.rows("books", BOOKS)[0]["n"] == 20
    assert world.rows("books", "SELECT 1 FROM books_author WHERE name = 'since the cutover'")
    assert world.store.folder("strangler/steps/books") == moved
    world.strangler("verify")


def test_what_is_owned_or_followed_is_not_emptied(world: World) -> None:
    """Whatever a command believes of its lock."""
    world.seed(20)
    source, target = Database("library", world.postgres), Database("books", world.postgres)
    pair = Pair("books", ("books_book", "books_author", "books_book_authors"), source, target)
    world.migrate("--until", "expand")
    with pytest.raises(ReplicationError, match="follows library already"):
        empty(pair, lambda: None)
    world.migrate()
    with pytest.raises(ReplicationError, match="books owns books"):
        empty(pair, lambda: None)
    assert world.rows("books", BOOKS)[0]["n"] == 20


def test_lock_is_lost_with_its_session_and_when_nobody_renews_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lock.held(world.store, "books", command="test") as held:
        session = requests.get(f"{world.consul.url}/v1/session/info/{held.session}", timeout=5).json()[0]
        assert not session.get("Checks")
        assert not session.get("NodeChecks")
        held.confirm()
        expire(world)
        with pytest.raises(Lost):
            held.transaction([])
    monkeypatch.setattr(lock, "TTL_SECONDS", 10)
    with lock.held(world.store, "books", command="test") as held:
        monkeypatch.setattr(lock, "TTL_SECONDS", 0)
        with pytest.raises(Lost):
            held.check()


def test_nothing_is_written_under_a_lock_that_another_holds(world: World) -> None:
    with lock.held(world.store, "books", command="test") as held:
        key = f"{lock.LOCKS}/books"
        requests.put(f"{world.consul.url}/v1/kv/{key}?release={held.session}", timeout=5)
        with pytest.raises(ConsulError, match="refused the transaction"):
            held.transaction([])


def is_held(world: World) -> None:
    with pytest.raises(Held, match="is at work on books"), lock.held(world.store, "books", command="test"):
        pass


def test_command_lives_on_when_the_clock_is_set(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    booted = psutil.boot_time()
    with lock.held(world.store, "books", command="test") as held:
        monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 3600)
        is_held(world)
        held.confirm()


def test_command_is_gone_only_where_its_number_means_a_process(world: World) -> None:
    """Containers of one name number their processes each for itself."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    with lock.held(world.store, "books", command="test"):
        text = world.store.folder(lock.LOCKS)[f"{lock.LOCKS}/books"]
    mine = msgspec.json.decode(text, type=lock.Holder)
    assert not mine.is_gone()
    assert msgspec.structs.replace(mine, started=mine.started - 60).is_gone()
    gone = msgspec.structs.replace(mine, process=ended.pid)
    assert gone.is_gone()
    assert not msgspec.structs.replace(gone, space=f"another than {gone.space}").is_gone()
