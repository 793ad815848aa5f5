"""Clients that go on writing while a domain moves: each statement in the database that owns it, which the
fence's refusals tell. What was acknowledged must be there exactly once."""

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

import msgspec
import psycopg

from strangler.chassis.ownership.schema import MOVED
from tests.ports import wait_for
from tests.toolkit.step.world import World

LONGEST_SECONDS = 10.0
"""No write waits longer, whatever is killed: a fence holds writers for a moment."""


class Writers:
    """Inside the `with` block so many threads insert books and count a book's pages up; none may be held at
    its end, nor have waited for longer than `patience`."""

    def __init__(self, world: World, count: int = 4, patience: float = LONGEST_SECONDS) -> None:
        self.world = world
        self.added: list[str] = []
        self.counted: Counter[str] = Counter()
        self.failures: list[str] = []
        self.owner = "library"
        self.longest = 0.0
        self._patience = patience
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        wait_for(lambda: len(self.added) > 20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        deadline = time.monotonic() + self._patience
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if kind is None:
            held = sum(thread.is_alive() for thread in self._threads)
            assert held == 0, f"{held} writers are held"
            assert self.longest <= self._patience, f"a write took {self.longest:.1f} s"

    def go_on(self) -> None:
        """Every writer has begun a write after this call, and it was acknowledged."""
        # The first that is acknowledged from now on may have begun before.
        wanted = {f"w{n}": self.counted[f"w{n}"] + 2 for n in range(len(self._threads))}
        wait_for(
            lambda: self.failures or all(self.counted[mine] >= count for mine, count in wanted.items()),
            seconds=self._patience,
        )
        assert self.failures == []

    def missing(self, host: str) -> list[str]:
        """What was acknowledged and is not in this host's database as often as it should be."""
        found = {
            row["isbn"]: row["pages"] for row in self.world.rows(host, "SELECT isbn, pages FROM books_book")
        }
        wrong = [f"{isbn} is not there" for isbn in self.added if isbn not in found]
        wrong += [
            f"{isbn} was counted {count} times and has {found.get(isbn)}"
            for isbn, count in self.counted.items()
            if found.get(isbn) != count
        ]
        return wrong

    def _write(self, number: int) -> None:
        connections: dict[str, psycopg.Connection] = {}
        mine = f"w{number}"
        written = 0
        try:
            self._once(connections, "INSERT INTO books_book (title, pages, isbn) VALUES ('', 0, %s)", mine)
            while not self._stop.is_set():
                isbn = f"{mine}-{written}"
                self._once(
                    connections, "INSERT INTO books_book (title, pages, isbn) VALUES ('', 0, %s)", isbn
                )
                self.added.append(isbn)
                self._once(connections, "UPDATE books_book SET pages = pages + 1 WHERE isbn = %s", mine)
                self.counted[mine] += 1
                written += 1
                self._stop.wait(0.005)
        except psycopg.Error as error:
            self.failures.append(repr(error))
        finally:
            for connection in connections.values():
                connection.close()

    def _once(self, connections: dict[str, psycopg.Connection], statement: str, isbn: str) -> None:
        """One write, at the owner. A refusal has changed nothing, so it may be made again there."""
        owner, latest, began = self.owner, 0, time.monotonic()
        for _ in range(10):
            if owner not in connections:
                connections[owner] = psycopg.connect(self.world.url(owner, user=owner), autocommit=True)
            try:
                connections[owner].execute(statement, [isbn])
            except psycopg.Error as error:
                if error.sqlstate != MOVED:
                    raise
                said = msgspec.json.decode(error.diag.message_detail or "")
                if said["epoch"] < latest:
                    # The former owner has handed over and this one was not told: a host adopts then.
                    connections[owner].execute("SELECT strangler.adopt('books', %s)", [latest])
                    continue
                owner, latest = said["owner"], said["epoch"]
                self.owner = owner
            else:
                self.longest = max(self.longest, time.monotonic() - began)
                return
        raise AssertionError(f"nobody owned the domain: {isbn}")
