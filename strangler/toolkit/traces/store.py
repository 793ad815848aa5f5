"""Spans in SQLite, the oldest forgotten first."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import msgspec

LARGEST = 200_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS span (
    id INTEGER PRIMARY KEY, trace TEXT NOT NULL, span TEXT NOT NULL, parent TEXT NOT NULL,
    service TEXT NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL, start INTEGER NOT NULL,
    finish INTEGER NOT NULL, error INTEGER NOT NULL, attributes TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS span_trace ON span (trace);
CREATE INDEX IF NOT EXISTS span_start ON span (start);
"""
RECENT = """
    SELECT trace, min(start) AS start, max(finish) AS finish, count(*) AS spans, sum(error) AS errors,
           group_concat(DISTINCT service) AS services
    FROM span WHERE trace IN (SELECT trace FROM span WHERE name LIKE :name ORDER BY id DESC LIMIT 5000)
    GROUP BY trace ORDER BY start DESC LIMIT :limit
"""
# A gateway's span is called GET, whatever was asked for.
ROOT = """
    SELECT name || coalesce(' ' || json_extract(attributes, '$."url.path"'), '') AS name FROM span
    WHERE trace = ? ORDER BY start LIMIT 1
"""


class Span(msgspec.Struct, frozen=True):
    """One span. Times are nanoseconds since 1970; `parent` is empty for a root."""

    trace: str
    span: str
    parent: str
    service: str
    name: str
    kind: int
    start: int
    finish: int
    error: bool
    attributes: dict[str, Any]


class Store:
    """A file of spans; used by several threads, written by one at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=OFF")  # traces may be lost, but must cost nothing
        self.connection.executescript(SCHEMA)
        self.lock = threading.Lock()

    def add(self, spans: list[Span]) -> None:
        rows = [
            (
                s.trace,
                s.span,
                s.parent,
                s.service,
                s.name,
                s.kind,
                s.start,
                s.finish,
                int(s.error),
                msgspec.json.encode(s.attributes).decode(),
            )
            for s in spans
        ]
        with self.lock, self.connection:  # which commits, or takes all of it back
            self.connection.execute("BEGIN")
            self.connection.executemany(
                "INSERT INTO span (trace, span, parent, service, name, kind, start, finish, error,"
                " attributes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            self.connection.execute("DELETE FROM span WHERE id <= (SELECT max(id) FROM span) - ?", [LARGEST])

    def recent(self, *, name: str = "", limit: int = 50) -> list[dict[str, Any]]:
        """The newest traces that have a span whose name contains `name`."""
        with self.lock:
            found = self.connection.execute(RECENT, {"name": f"%{name}%", "limit": limit}).fetchall()
            return [
                {
                    "trace": row["trace"],
                    "name": self.connection.execute(ROOT, [row["trace"]]).fetchone()["name"],
                    "start": row["start"],
                    "milliseconds": (row["finish"] - row["start"]) / 1e6,
                    "spans": row["spans"],
                    "errors": row["errors"],
                    "services": row["services"].split(","),
                }
                for row in found
            ]

    def trace(self, trace: str) -> list[Span]:
        """A trace's spans, by start."""
        with self.lock:
            rows = self.connection.execute("SELECT * FROM span WHERE trace = ? ORDER BY start, id", [trace])
            return [
                Span(
                    **{
                        **{name: row[name] for name in Span.__struct_fields__},
                        "error": bool(row["error"]),
                        "attributes": msgspec.json.decode(row["attributes"]),
                    }
                )
                for row in rows.fetchall()
            ]
