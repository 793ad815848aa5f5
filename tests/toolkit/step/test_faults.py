"""What can go wrong with replication while a step is under way, done to a real server."""

import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from strangler.toolkit.replication.database import Database
from strangler.toolkit.replication.errors import BackedOff
from strangler.toolkit.replication.fence import BOUND_SECONDS, IDLE_SECONDS, LOCK_MS, Fence, Handover
from strangler.toolkit.replication.pair import Pair
from strangler.toolkit.step import cutover
from tests.ports import wait_for
from tests.toolkit.step.sleeping import asleep
from tests.toolkit.step.world import HOSTS, World
from tests.toolkit.step.writers import Writers

KILL_SENDERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_replication"
NEW_BOOK = "INSERT INTO books_book (id, title, pages, isbn) VALUES (%s, '', 1, %s)"


def test_killed_senders_lose_nothing(world: World) -> None:
    world.seed(200)
    with Writers(world) as writers:
        world.migrate("--until", "canary")
        writers.go_on()
        for _ in range(3):
            world.rows("postgres", KILL_SENDERS)
        world.migrate()
        writers.go_on()
        world.rows("postgres", KILL_SENDERS)
        world.strangler("verify")
    assert writers.failures == []
    assert writers.missing("books") == []
    world.strangler("verify")
    assert writers.missing("library") == []


def test_cutover_is_not_begun_while_nothing_arrives(world: World) -> None:
    """A row that stands in the way stops apply: the fence is never put up, and writers are never held."""
    world.seed(20)
    world.migrate("--until", "canary")
    with world.connect("books") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(NEW_BOOK, [900001, "in the way"])
    with world.connect("library", "library") as connection:
        connection.execute(NEW_BOOK, [900001, "in the way"])
    done = world.migrate("--patience", "3", status=1)
    assert "failed" in done.said
    assert "server says which" in done.said
    assert world.status()["owners"]["books"] == "library"
    with world.connect("library", "library") as connection:
        connection.execute("UPDATE books_book SET pages = 7 WHERE id = 900001")
    # What stood in the way is gone: the same command goes on.
    with world.connect("books") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM books_book WHERE id = 900001")
    world.migrate()
    assert world.rows("books", "SELECT pages FROM books_book WHERE id = 900001")[0]["pages"] == 7


@pytest.mark.parametrize("ways_back", [["--abort"], []], ids=["abort", "step by step"])
def test_step_whose_slot_is_lost_can_be_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch, ways_back: list[str]
) -> None:
    monkeypatch.setattr(cutover, "FOLLOW_SECONDS", 1.0)
    world.seed(20)
    world.migrate("--until", "canary")
    world.run("books", "ALTER SUBSCRIPTION strangler_forward_books DISABLE")
    wait_for(lambda: not world.rows("library", "SELECT 1 FROM pg_replication_slots WHERE active"))
    world.run("library", "SELECT pg_drop_replication_slot('strangler_forward_books')")
    assert "rollback --abort" in world.migrate("--patience", "1", status=1).said
    while world.status()["steps"]:
        world.strangler("rollback", *ways_back)
    assert world.leftovers() == []
    monkeypatch.undo()
    world.migrate()


def test_rows_that_differ_are_named_and_stop_the_soak(world: World) -> None:
    world.seed(100)
    world.migrate("--until", "cutover")
    with world.connect("library") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE books_book SET title = 'another' WHERE id = 17")
        connection.execute("DELETE FROM books_author WHERE id = 3")
    done = world.migrate(status=1)
    assert "books_book (17)" in done.said
    assert "books_author (3)" in done.said
    assert world.strangler("verify", status=1)
    with world.connect("library") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE books_book SET title = 'book 17' WHERE id = 17")
        connection.execute("INSERT INTO books_author (id, name) VALUES (3, 'author 3')")
    world.migrate()


def test_rows_that_differ_stop_a_cutover_and_reads_go_back(world: World) -> None:
    """Also those of a table that no contract gives by id."""
    world.seed(20)
    world.migrate("--until", "canary")
    world.run("books", "SET session_replication_role = replica; DELETE FROM books_book_authors WHERE id = 7")
    done = world.migrate(status=3)
    assert "books_book_authors (7)" in done.said
    (step,) = world.status()["steps"]
    assert (step["phase"], step["done"], step["owner"]) == ("shadow", True, "library")
    world.strangler("rollback", "--abort")
    world.migrate()
    assert world.rows("books", "SELECT id FROM books_book_authors WHERE id = 7")


def test_rows_that_were_made_the_same_in_soak_let_the_step_go_on(world: World) -> None:
    world.seed(20)
    world.migrate("--until", "cutover")
    put_back = "INSERT INTO books_author (id, name) VALUES (3, 'author 3')"
    world.run("library", "SET session_replication_role = replica; DELETE FROM books_author WHERE id = 3")
    said = world.migrate(status=1).said
    with pytest.raises(psycopg.Error, match="books belongs to books"):
        world.run("library", put_back)
    (first,) = re.findall("begins with `(.+?)`", said)
    world.run("library", f"{first}; {put_back}")
    world.migrate()
    assert world.status()["owners"]["books"] == "books"


def test_rows_that_differ_are_not_dropped_by_a_way_back(world: World) -> None:
    world.seed(20)
    world.migrate("--until", "cutover")
    world.run("library", "SET session_replication_role = replica; DELETE FROM books_author WHERE id = 3")
    assert "at library but a superuser's session that begins with" in world.migrate(status=1).said
    for refused in (("rollback",), ("rollback", "--abort")):
        said = world.strangler(*refused, status=1).said
        assert "books_author (3)" in said
        assert "--accept-differing" in said
    assert world.status()["owners"]["books"] == "books"
    world.run(
        "library",
        "SET session_replication_role = replica; INSERT INTO books_author (id, name) VALUES (3, 'author 3')",
    )
    world.strangler("rollback")
    assert world.status()["owners"]["books"] == "library"
    world.migrate("--until", "cutover")
    world.run("library", "SET session_replication_role = replica; DELETE FROM books_author WHERE id = 3")
    world.migrate(status=1)
    world.strangler("rollback", "--accept-differing")
    assert world.status()["owners"]["books"] == "library"


def test_disabled_subscription_keeps_the_way_back_shut(world: World) -> None:
    world.seed(20)
    world.migrate("--until", "cutover")
    world.run("library", "ALTER SUBSCRIPTION strangler_back_books DISABLE")
    done = world.migrate("--patience", "2", status=1)
    assert "its subscription is disabled" in done.said
    done = world.strangler("rollback", "--patience", "2", status=1)
    assert "its subscription is disabled" in done.said
    world.run("library", "ALTER SUBSCRIPTION strangler_back_books ENABLE")
    world.strangler("rollback")
    assert world.status()["owners"]["books"] == "library"


def test_writer_that_does_not_end_is_not_waited_for(world: World) -> None:
    """A transaction that holds the domain for long: the cutover backs off and nothing has changed."""
    world.seed(20)
    world.migrate("--until", "canary")
    with world.connect("library", "library") as holder:
        holder.autocommit = False
        # It has written nothing: for a writer the reverse slot would wait first.
        holder.execute("SELECT strangler.hold('books')")
        done = world.migrate("--tries", "2", status=1)
        assert "Nothing has changed" in done.said
        assert world.status()["owners"]["books"] == "library"
        (step,) = world.status()["steps"]
        assert step["back"] is None
        holder.rollback()
    world.migrate()
    assert world.status()["owners"]["books"] == "books"


def test_lock_cycle_resolves(world: World) -> None:
    """One writer holds the domain and wants a row; another holds the row and wants the domain, behind the
    fence that waits for it. Only because the fence lets go in between do both end."""
    world.seed(20)
    world.migrate("--until", "expand")
    source, target = Database("library", world.postgres), Database("books", world.postgres)
    pair = Pair("books", ("books_book",), source, target)
    fence = Fence(Handover("books", pair.tables, pair.forward, pair.back, 99), bound=20.0)
    holds = threading.Event()

    def second() -> None:
        with world.connect("library", "library") as connection, connection.transaction():
            connection.execute("SELECT id FROM lending_loan WHERE id = 1 FOR UPDATE")
            holds.set()
            wait_for(lambda: world.rows("postgres", FENCE_WAITS))
            connection.execute("UPDATE books_book SET pages = 2 WHERE id = 2")

    def first() -> None:
        with world.connect("library", "library") as connection, connection.transaction():
            connection.execute("UPDATE books_book SET pages = 1 WHERE id = 1")
            holds.wait(10)
            connection.execute("SELECT id FROM lending_loan WHERE id = 1 FOR UPDATE")

    threads = [threading.Thread(target=work) for work in (second, first)]
    for thread in threads:
        thread.start()
    wait_for(lambda: world.rows("postgres", ROW_WAITS))
    with fence.up():
        pass
    for thread in threads:
        thread.join()
    assert fence.pause.tries > 1
    assert world.rows(
        "library", "SELECT id FROM books_book WHERE (id, pages) IN ((1, 1), (2, 2)) ORDER BY id"
    ) == [{"id": 1}, {"id": 2}]


def test_waits_of_writers_count_where_the_lock_was_never_had(world: World) -> None:
    world.seed(20)
    world.migrate("--until", "expand")
    source, target = Database("library", world.postgres), Database("books", world.postgres)
    pair = Pair("books", ("books_book",), source, target)
    fence = Fence(Handover("books", pair.tables, pair.forward, pair.back, 99), bound=0.1)
    with world.connect("library", "library") as holder, holder.transaction():
        holder.execute("SELECT strangler.hold('books')")
        with pytest.raises(BackedOff), fence.up():
            pass
    assert fence.pause.in_vain >= LOCK_MS / 1000


def write_within(world: World, seconds: float) -> None:
    """A write that comes while the fence is up."""
    with world.connect("library", "library") as connection:
        connection.execute("SELECT set_config('statement_timeout', %s, false)", [f"{seconds}s"])
        connection.execute("UPDATE books_book SET pages = 99 WHERE id = 1")


def test_suspended_command_does_not_hold_writers_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.seed(20)
    world.migrate("--until", "canary")
    with asleep(world, monkeypatch, cutover, "cutover.drain") as ended:
        write_within(world, BOUND_SECONDS + IDLE_SECONDS + 10)
    assert ended[0].status == 0
    assert "did not hand books over within" in ended[0].said
    assert world.rows("books", "SELECT pages FROM books_book WHERE id = 1")[0]["pages"] == 99


def test_taker_that_stands_still_does_not_hold_writers_up(world: World) -> None:
    world.seed(20)
    world.migrate("--until", "expand")
    source, target = Database("library", world.postgres), Database("books", world.postgres)
    pair = Pair("books", ("books_book",), source, target)
    fence = Fence(Handover("books", pair.tables, pair.forward, pair.back, 99))
    with ThreadPoolExecutor(1) as pool, fence.up():
        assert fence.taker is not None
        backend = fence.taker.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        try:
            drained = pool.submit(fence.drain)
            write_within(world, BOUND_SECONDS + IDLE_SECONDS + 10)
        finally:
            os.kill(backend, signal.SIGCONT)
        with pytest.raises(BackedOff):
            drained.result()
    assert world.status()["owners"]["books"] == "library"


FENCE_WAITS = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND NOT granted"
ROW_WAITS = "SELECT 1 FROM pg_locks WHERE locktype IN ('transactionid', 'tuple') AND NOT granted"


def test_two_commands_do_not_work_on_one_step(world: World) -> None:
    world.seed(20)
    with world.connect("library", "library") as holder:
        holder.autocommit = False
        # The fence's trigger waits for this, again and again.
        holder.execute("LOCK TABLE books_book IN SHARE MODE")
        first = threading.Thread(target=lambda: world.migrate())
        first.start()
        wait_for(lambda: world.store.folder("strangler/locks/books"))
        done = world.migrate(status=1)
        assert "`strangler migrate` is at work on books" in done.said
        holder.rollback()
        first.join()
    assert world.status()["owners"]["books"] == "books"


@pytest.mark.parametrize(
    "missing", ["DROP TABLE books_book_authors", "ALTER TABLE books_book DROP COLUMN pages"]
)
def test_tables_must_agree(world: World, missing: str) -> None:
    world.run("books", missing)
    done = world.migrate(status=1)
    assert "books_book" in done.said
    world.strangler("rollback", "--abort")
    assert world.leftovers() == []


@pytest.mark.parametrize("host", ["library", "books"])
def test_sequences_must_be_their_columns_own(world: World, host: str) -> None:
    """One that is not is set by nobody: the new owner would give out ids a second time."""
    world.run(
        host,
        "ALTER TABLE books_author ALTER COLUMN id DROP IDENTITY; CREATE SEQUENCE authors; "
        f"ALTER SEQUENCE authors OWNER TO {host}; "
        "ALTER TABLE books_author ALTER COLUMN id SET DEFAULT nextval('authors')",
    )
    world.seed(20)
    assert "ALTER SEQUENCE … OWNED BY books_author.id" in world.migrate(status=1).said
    world.run(host, "ALTER SEQUENCE authors OWNED BY books_author.id")
    world.migrate()
    world.run("books", "INSERT INTO books_author (name) VALUES ('new')")


def test_sequences_must_be_on_both_sides(world: World) -> None:
    world.run("books", "ALTER TABLE books_author ALTER COLUMN id DROP IDENTITY")
    assert "books_author.id has a sequence of its own in one of" in world.migrate(status=1).said


def test_sequence_at_its_end_holds_writers_up_once(world: World) -> None:
    """It would be at its end at every further try."""
    world.seed(20)
    world.migrate("--until", "canary")
    world.run("books", "ALTER SEQUENCE books_author_id_seq MAXVALUE 50")
    refused = world.migrate(status=1).said
    assert "books_author.id has no 111 to go on from. Nothing has changed." in refused
    assert "ALTER SEQUENCE … MAXVALUE" in refused
    assert "try 1" not in refused
    (step,) = world.status()["steps"]
    assert (step["owner"], step["back"]) == ("library", None)
    world.run("books", "ALTER SEQUENCE books_author_id_seq NO MAXVALUE")
    world.migrate()


def test_target_must_not_refer_to_tables_that_stay(world: World) -> None:
    for host in HOSTS:
        world.run(
            host,
            "CREATE TABLE genre (id int PRIMARY KEY); "
            "ALTER TABLE books_book ADD COLUMN genre_id int REFERENCES genre (id)",
        )
    world.seed(20)
    assert "books_book refers to a table that does not move" in world.migrate(status=1).said
    world.run("books", "ALTER TABLE books_book DROP CONSTRAINT books_book_genre_id_fkey")
    world.migrate()


def test_rows_that_do_not_fit_are_not_said_to_go_on(world: World) -> None:
    """A rule that is a type's is not compared."""
    for host, rule in (("library", "true"), ("books", "VALUE < 10")):
        world.run(
            host, f"CREATE DOMAIN few AS int CHECK ({rule}); ALTER TABLE books_book ALTER pages TYPE few"
        )
    world.seed(20)
    refused = world.migrate(status=1).said
    assert 'value for domain public.few violates check constraint "few_check"' in refused
    assert "goes on where it stands" not in refused
    world.strangler("rollback", "--abort")
    assert world.leftovers() == []


def test_contract_asks_first(world: World) -> None:
    world.seed(5)
    world.migrate()
    assert "Nothing has changed" in world.strangler("contract", "--restarted", status=1).said
    assert "must be restarted" in world.strangler("contract", "--yes", status=1).said
    assert world.rows("library", "SELECT count(*) AS n FROM books_book")[0]["n"] == 5
