"""Reading the books and comparing them, until what is eventual has happened or the deadline is over."""

import time
from collections import Counter
from pathlib import Path

import msgspec
import psycopg
import requests

from strangler.toolkit.stack import Stack
from tests.ledger.books import Books, Discrepancy, Opening
from tests.ledger.checks import CHECKS, check
from tests.ledger.sources import Sources
from tests.traffic.journal import EditAnswered

POLL_SECONDS = 0.5
SHOWN_ROWS = 10


class Audit(msgspec.Struct):
    """The result: how long it took to settle, how much was compared, and what did not agree at the end."""

    counts: dict[str, int]
    discrepancies: list[Discrepancy]
    repeated_mails: int = 0
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        return not self.discrepancies

    def found(self) -> dict[str, int]:
        """Discrepancies by check, all checks named."""
        return {**dict.fromkeys(CHECKS, 0), **Counter(d.check for d in self.discrepancies)}

    def __str__(self) -> str:
        if self.clean:
            return "clean: " + ", ".join(f"{count} {name}" for name, count in self.counts.items())
        lines = [f"{len(self.discrepancies)} discrepancies"]
        for discrepancy in self.discrepancies:
            lines.append(f"[{discrepancy.check}] {discrepancy.what}")
            lines += [f"    {row!r}" for row in discrepancy.rows[:SHOWN_ROWS]]
        return "\n".join(lines)


class Ledger:
    """The ledger of one stack. `opened` it remembers products and stock, so open it before any traffic.

    `kills`: how many processes are killed meanwhile.
    """

    def __init__(self, sources: Sources, opening: Opening, *, kills: int) -> None:
        self.sources = sources
        self.opening = opening
        self.kills = kills

    @classmethod
    def opened(cls, stack: Stack, *, kills: int = 0) -> "Ledger":
        sources = Sources.of(stack)
        return cls(sources, sources.opening(), kills=kills)

    def books(self, journal: Path) -> Books:
        return self.sources.read(journal, self.opening, kills=self.kills)

    def settle(self, journal: Path, *, seconds: float) -> Audit:
        """Compare until everything agrees, or for so many seconds."""
        started = time.monotonic()
        while True:
            audit = self._audit(journal)
            audit.seconds = round(time.monotonic() - started, 1)
            if audit.clean or audit.seconds > seconds:
                return audit
            time.sleep(POLL_SECONDS)

    def _audit(self, journal: Path) -> Audit:
        try:
            books = self.books(journal)
        except (psycopg.Error, requests.RequestException) as error:
            return Audit(counts={}, discrepancies=[Discrepancy("books", f"cannot be read: {error!r}", [])])
        return _audit(books, check(books))


def _audit(books: Books, found: list[Discrepancy]) -> Audit:
    counts = {
        "orders": len(books.orders),
        "cancelled": sum(order.status == "cancelled" for order in books.orders),
        "refused checkouts": sum(not any(a.order for a in answers) for answers in books.answers.values()),
        "payments": len(books.payments),
        "charges": len(books.charges),
        "stock movements": len(books.movements),
        "stock adjustments": len(books.adjusts),
        "products": len(books.products),
        "changed descriptions": len(books.entries(EditAnswered)),
        "new products": len(books.creates),
        "notifications": len(books.notifications),
        "mails": len(books.mails),
    }
    return Audit(
        counts=counts,
        discrepancies=found,
        repeated_mails=len(books.mails) - len(books.mails_by_id),
    )
