"""The thread that reads on both sides and compares."""

import logging
import os
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection

from strangler.chassis.ownership import Shadowing
from strangler.chassis.shadow.differing import Differing

log = logging.getLogger(__name__)

KEPT = 200
BATCH = 20
PROOFS = 3
MOST_ROUNDS = 8
APPLIED_SECONDS = 3.0
POLL_SECONDS = 0.05
FLUSH_SECONDS = 1.0

LSN = "SELECT pg_current_wal_insert_lsn()"
APPLIED = "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s"
COUNT = """
INSERT INTO strangler.shadow AS known
    (domain, method, compared, matched, mismatched, stale, failed, last_mismatch)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (domain, method) DO UPDATE SET
    compared = known.compared + excluded.compared, matched = known.matched + excluded.matched,
    mismatched = known.mismatched + excluded.mismatched, stale = known.stale + excluded.stale,
    failed = known.failed + excluded.failed,
    last_mismatch = coalesce(nullif(excluded.last_mismatch, ''), known.last_mismatch)
"""


class Failed(Exception):
    """One of the two sides gave no answer that could be compared."""


class Unlike(Exception):
    """What is read again here is not what the client was given, so it says nothing of that."""


@dataclass(frozen=True)
class Read:
    """Something that can be read here and there; both give values that can be compared by `==`, or raise
    Failed, or Unlike."""

    domain: str
    name: str
    how: Shadowing
    here: Callable[[], Any]
    there: Callable[[], Any]


@dataclass
class Figures:
    """What came of the reads since the last flush."""

    matched: int = 0
    mismatched: int = 0
    stale: int = 0
    failed: int = 0
    last_mismatch: str = ""


class Reading:
    """A read on its way to a verdict."""

    def __init__(self, read: Read) -> None:
        self.read, self.key = read, (read.domain, read.name)
        self.here: Any = None
        self.proofs = 0
        self.differing = Differing(None, None)

    def read_here(self) -> None:
        """What the peer's answer is to be; the next one has been read already where they differed."""
        if not self.proofs:
            self.here = self.read.here()

    def compare(self) -> bool | None:
        """Whether the peer answers the same, which it must have seen; None if another round has to tell."""
        there = self.read.there()
        if there == self.here:
            return True
        self.differing = Differing(self.here, there)
        self.proofs = self.proofs + 1 if self.read.here() == self.here else 0
        return False if self.proofs == PROOFS else None


class Comparer:
    """`offer` costs its caller a place in a queue; where there is none the read is not compared."""

    def __init__(self) -> None:
        self.reads: queue.Queue[Read] = queue.Queue(KEPT)
        self.figures: dict[tuple[str, str], Figures] = defaultdict(Figures)
        self._pid = 0
        self._lock = threading.Lock()

    def offer(self, read: Read) -> None:
        """Compare it, later, if there is time."""
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._pid = os.getpid()
                    self.reads = queue.Queue(KEPT)
                    threading.Thread(target=self._run, name="shadow", daemon=True).start()
        try:
            self.reads.put_nowait(read)
        except queue.Full:
            log.debug("%s is not compared: too many are", read.name)

    def _run(self) -> None:
        flushed = time.monotonic()
        while True:
            try:
                batch = self._batch()
                self._compare(batch)
                if self.figures and time.monotonic() >= flushed + FLUSH_SECONDS:
                    self._flush()
                    flushed = time.monotonic()
            except DatabaseError as error:
                log.warning("shadow reads go without the database for a moment: %s", error)
            except Exception:
                log.exception("a shadow read failed in a way that nobody thought of")
            finally:
                connection.close()

    def _batch(self) -> list[Read]:
        found: list[Read] = []
        try:
            found.append(self.reads.get(timeout=FLUSH_SECONDS))
            while len(found) < BATCH:
                found.append(self.reads.get_nowait())
        except queue.Empty:
            pass  # so many there are
        return found

    def _compare(self, batch: list[Read]) -> None:
        """In rounds, all that are undecided together, because they wait for replication together."""
        undecided = [Reading(read) for read in batch]
        for _ in range(MOST_ROUNDS):
            undecided = [reading for reading in undecided if self._answered(reading, reading.read_here)]
            if not undecided or not self._applied(undecided):
                break
            undecided = [reading for reading in undecided if self._answered(reading, reading.compare)]
        for reading in undecided:
            # The peer has not applied what was read here, or that changed as often as it was read.
            self.figures[reading.key].stale += 1

    def _answered(self, reading: "Reading", ask: Callable[[], "bool | None"]) -> bool:
        """Whether it is still undecided after this."""
        figures = self.figures[reading.key]
        try:
            same = ask()
        except Failed as error:
            log.warning("%s of %s could not be compared: %s", *reversed(reading.key), error)
            figures.failed += 1
            return False
        except Unlike:
            figures.stale += 1
            return False
        if same is None:
            return True
        if same:
            figures.matched += 1
        else:
            figures.mismatched += 1
            figures.last_mismatch = reading.differing.values(peer=reading.read.how.peer)
            log.warning("%s of %s differs in %s", *reversed(reading.key), reading.differing.paths())
        return False

    def _applied(self, readings: list["Reading"]) -> bool:
        lsn = _lsn()
        return all(_applied(slot, lsn) for slot in {reading.read.how.slot for reading in readings})

    def _flush(self) -> None:
        with connection.cursor() as cursor:
            for (domain, name), f in list(self.figures.items()):
                counts = [f.matched + f.mismatched, f.matched, f.mismatched, f.stale, f.failed]
                cursor.execute(COUNT, [domain, name, *counts, f.last_mismatch])
                del self.figures[domain, name]


def _lsn() -> Any:
    with connection.cursor() as cursor:
        cursor.execute(LSN)
        return cursor.fetchone()[0]


def _applied(slot: str, lsn: Any) -> bool:
    """Whether who follows by the slot has applied everything up to here, now or within a moment."""
    ends = time.monotonic() + APPLIED_SECONDS
    pause = threading.Event()
    while True:
        with connection.cursor() as cursor:
            cursor.execute(APPLIED, [lsn, slot])
            row = cursor.fetchone()
        if row is not None and row[0]:
            return True
        if row is None or time.monotonic() >= ends:
            return False
        pause.wait(POLL_SECONDS)


comparer = Comparer()
