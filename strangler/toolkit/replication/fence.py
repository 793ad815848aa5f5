"""Handing a domain over from one database to the other, without losing a write or failing one.

Every writer holds a shared lock on the domain until its transaction ends, and has read under it who owns
the domain. The exclusive lock is had when the last of them has ended; those that come now wait. Then
everything that was ever written lies before one position of the log; when the other side has confirmed
that position, it has everything, and ownership may go over. Whoever waited finds the new owner.

Both directions are the same: a cutover hands over from source to target, a rollback back again.

Writers wait for a bounded time whatever stands still meanwhile. Each statement has what is left of the
bound. A command that is suspended, or waits for a taker that does not answer, says nothing to the giver,
whose server then ends the session and with it the lock.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psycopg
from psycopg import errors

from strangler.chassis.ownership.schema import LOCK_CLASS
from strangler.toolkit.replication import links, sequences, statements
from strangler.toolkit.replication.database import Connection, Database, value
from strangler.toolkit.replication.errors import BackedOff, NotHealthy
from strangler.toolkit.replication.links import Link
from strangler.toolkit.replication.ownership import ownership_in

BOUND_SECONDS = 2.0
LOCK_MS = 150
REST_MS = (5, 10, 20, 40, 80)
DRAIN_POLL_SECONDS = 0.002
IDLE_SECONDS = 1.0
"""So much longer than the bound the session that holds the lock may say nothing before its server ends it."""
GIVES_UP = {"keepalives_idle": 1, "keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 3000}
"""And so, in seconds and milliseconds, this side notices that a server's machine is gone."""


@dataclass(frozen=True)
class Handover:
    """`domain` goes from the publisher of `ending` to its subscriber, which the former owner then follows
    by `beginning`. `epoch` is the epoch of the new ownership."""

    domain: str
    tables: tuple[str, ...]
    ending: Link
    beginning: Link
    epoch: int

    @property
    def giver(self) -> Database:
        return self.ending.publisher

    @property
    def taker(self) -> Database:
        return self.ending.subscriber


@dataclass
class Pause:
    """How long writers waited, in seconds, and for what; `in_vain`, before it: for the lock's tries that were
    given up, all together."""

    tries: int = 0
    in_vain: float = 0.0
    locked: float = 0.0
    total: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a part of it."""
        started = time.monotonic()
        yield
        self.parts[name] = round(time.monotonic() - started, 4)


class Fence:
    """The exclusive lock on a domain in the database that owns it, in a session of its own: it is let go
    whatever becomes of this process."""

    def __init__(self, handover: Handover, *, bound: float = BOUND_SECONDS) -> None:
        self.handover, self.bound = handover, bound
        self.pause = Pause()
        self.session: Connection | None = None
        self.taker: Connection | None = None
        self.sequences: list[sequences.Twins] = []
        self._began = self._deadline = 0.0

    @contextmanager
    def up(self) -> Iterator["Fence"]:
        """Inside the block writers wait. Raises BackedOff when the lock is not had within the bound."""
        giver, taker = self.handover.giver, self.handover.taker
        with giver.connect(**GIVES_UP) as self.session, taker.connect(**GIVES_UP) as self.taker:
            self.session.execute(statements.IDLE_TIMEOUT, [f"{(self.bound + IDLE_SECONDS) * 1000:.0f}ms"])
            # Before anybody waits: the first use of a connection costs more than the next.
            self.taker.execute(statements.NUDGE)
            self.sequences = sequences.twins(self.session, self.taker, self.handover.tables)
            if links.slot_exists(self.handover.beginning):
                self.taker.execute(statements.ADVANCE_SLOT, [self.handover.beginning.name])
            self._lock()
            try:
                yield self
            finally:
                self.release()

    def _lock(self) -> None:
        """Many short tries: a writer that holds this lock may wait for a row that another holds who waits
        for this lock behind us, and lets go only when we do."""
        session = self._session
        session.execute(statements.LOCK_TIMEOUT, [f"{LOCK_MS}ms"])
        self._deadline = time.monotonic() + self.bound
        while True:
            self._began = time.monotonic()
            self.pause.tries += 1
            try:
                session.execute(statements.LOCK, [LOCK_CLASS, self.handover.domain])
            except (errors.LockNotAvailable, errors.DeadlockDetected):
                self.pause.in_vain += time.monotonic() - self._began
                rest = REST_MS[min(self.pause.tries, len(REST_MS)) - 1] / 1000
                if time.monotonic() + rest > self._deadline:
                    raise BackedOff(
                        f"Writers of {self.handover.domain} never paused for {LOCK_MS} ms within "
                        f"{self.bound:g} s. Nothing has changed."
                    ) from None
                time.sleep(rest)
            else:
                break
        self.pause.locked = round(time.monotonic() - self._began, 4)
        # The lock is given at a moment of the allowance; what follows has the rest of it, and a floor.
        self._deadline = max(self._deadline, time.monotonic() + self.bound / 2)

    def drain(self) -> None:
        """Wait until the taker has everything that was ever written. Raises BackedOff."""
        link = self.handover.ending
        with self._part("drain"):
            wanted = str(value(self._session, statements.POSITION))
            remaining = max(0.0, self._deadline - time.monotonic())
            try:
                links.until(
                    lambda: links.confirmed(link, self._session, self._taker, wanted),
                    seconds=remaining,
                    poll=DRAIN_POLL_SECONDS,
                    otherwise=lambda: links.diagnosis(link),
                )
            except NotHealthy as error:
                raise BackedOff(
                    f"{self.handover.taker.host} had not applied everything within {self.bound:g} s: {error}."
                    " Nothing has changed."
                ) from error

    def move_sequences(self) -> None:
        """So that the taker gives out no id twice. Raises NotReady where that has none left."""
        with self._part("sequences"):
            sequences.move_past(self._session, self._taker, self.sequences)

    def advance(self) -> None:
        """Let the way back begin here: what was applied until now came from the other side."""
        with self._part("advance"):
            self._taker.execute(statements.ADVANCE_SLOT, [self.handover.beginning.name])

    def flip_giver(self) -> None:
        """From here on the domain belongs to the taker, whatever happens. Raises BackedOff where the server
        says that it did not; where it says nothing any more, that is for the next command to find out."""
        with self.pause.part("flip"):
            self._limit()
            try:
                flip(self._session, self.handover)
            except errors.QueryCanceled as error:
                raise self._stood_still(error) from error

    def flip_taker(self) -> None:
        """And the taker's own database says so too."""
        flip(self._taker, self.handover)

    def announce(self, publish: Callable[[], None]) -> None:
        """Tell the processes. Nobody waits for it: who was not told yet is told by the refusal."""
        threading.Thread(target=publish, daemon=True).start()

    def release(self) -> None:
        """Let the writers go on."""
        if self.session is not None and not self.session.closed:
            with suppress(psycopg.OperationalError):  # its session has ended, and the lock with it
                self.session.execute(statements.UNLOCK, [LOCK_CLASS, self.handover.domain])
        self.pause.total = round(time.monotonic() - self._began, 4)

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        """A part of the pause that changes nothing: whatever the servers do not do within what is left of the
        bound, and whatever they end, is BackedOff."""
        with self.pause.part(name):
            self._limit()
            try:
                yield
            except psycopg.OperationalError as error:
                raise self._stood_still(error) from error

    def _limit(self) -> None:
        left = max(1, round((self._deadline - time.monotonic()) * 1000))
        try:
            for connection in (self._session, self._taker):
                connection.execute(statements.STATEMENT_TIMEOUT, [f"{left}ms"])
        except psycopg.OperationalError as error:
            raise self._stood_still(error) from error

    def _stood_still(self, error: psycopg.Error) -> BackedOff:
        return BackedOff(
            f"The databases did not hand {self.handover.domain} over within {self.bound:g} s: "
            f"{str(error).strip()}. Nothing has changed."
        )

    @property
    def _session(self) -> Connection:
        assert self.session is not None
        return self.session

    @property
    def _taker(self) -> Connection:
        assert self.taker is not None
        return self.taker


def flip(connection: Connection, handover: Handover) -> None:
    """Write the new owner and epoch; no effect where a later epoch is known."""
    connection.execute(
        statements.FLIP, [handover.taker.host, handover.epoch, handover.domain, handover.epoch]
    )


def given(handover: Handover) -> bool:
    """Whether the giver has handed over already, before this process or an earlier one was ended."""
    with handover.giver.session() as connection:
        found = ownership_in(connection, handover.domain)
    return found is not None and found.owner == handover.taker.host
