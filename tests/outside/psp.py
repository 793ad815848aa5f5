"""A payment service provider: charges, voids and refunds, idempotent by key, kept in SQLite.

    POST /charges                     {amount, currency, token} + Idempotency-Key → 201 charge, 402 declined
    POST /charges/{key}/void          the charge under that key is taken back, and a later one refused
    POST /charges/{reference}/refund  the whole amount is given back, once
    GET  /charges?after=&limit=       all charges, oldest first     GET /charges/{key}

What a token does: `tok_ok` approves, `tok_declined` declines, `tok_timeout` approves but answers only
after `SLOW_SECONDS`, `tok_twice` approves and works through the request twice, `tok_error` fails with 500.
Any other token is declined. `app` is a WSGI application; PSP_STATE names the database's file.
"""

import os
import re
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs

import msgspec

SLOW_SECONDS = float(os.environ.get("PSP_SLOW_SECONDS", "10"))
LARGEST_BODY = 10_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS charge (
    id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, reference TEXT UNIQUE NOT NULL, status TEXT NOT NULL,
    amount TEXT NOT NULL, currency TEXT NOT NULL, token TEXT NOT NULL, refund TEXT
)
"""
COLUMNS = "id, key, reference, status, amount, currency, token, refund"
Answer = tuple[int, Any]
local = threading.local()


class Problem(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def database() -> sqlite3.Connection:
    """This thread's connection; every commit is on disk before it is answered."""
    connection: sqlite3.Connection | None = getattr(local, "connection", None)
    if connection is None:
        path = os.environ.get("PSP_STATE", ":memory:")
        connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(SCHEMA)
        local.connection = connection
    return connection


def charge(body: dict[str, Any], key: str) -> Answer:
    amount, currency, token = _amount(body), str(body.get("currency", "")), str(body.get("token", ""))
    if not re.fullmatch("[A-Z]{3}", currency) or not token:
        raise Problem(400, "currency must be ISO 4217 and token must be given")
    if token == "tok_error":
        raise Problem(500, "the acquirer failed")
    approved = token in ("tok_ok", "tok_timeout", "tok_twice")
    for _ in range(2 if token == "tok_twice" else 1):
        row = _insert(key, "approved" if approved else "declined", amount, currency, token)
    if (row["amount"], row["currency"], row["token"]) != (amount, currency, token):
        raise Problem(409, "this Idempotency-Key was used for another charge")
    if token == "tok_timeout":
        threading.Event().wait(SLOW_SECONDS)
        row = _by("key", key) or row
    if row["status"] == "voided":
        raise Problem(409, "this Idempotency-Key was voided")
    return (201 if row["status"] in ("approved", "refunded") else 402), _public(row)


def void(key: str) -> Answer:
    _insert(key, "voided", "0.00", "EUR", "-")
    database().execute("UPDATE charge SET status = 'voided' WHERE key = ? AND status = 'approved'", [key])
    return 200, _public(_by("key", key))


def refund(reference: str) -> Answer:
    database().execute(
        "UPDATE charge SET status = 'refunded', refund = ? WHERE reference = ? AND status = 'approved'",
        ["re_" + secrets.token_hex(8), reference],
    )
    row = _by("reference", reference)
    if row is None:
        raise Problem(404, "no such charge")
    if row["status"] != "refunded":
        raise Problem(409, f"a charge that is {row['status']} cannot be refunded")
    return 200, {"reference": row["refund"], "amount": row["amount"]}


def find(key: str) -> Answer:
    row = _by("key", key)
    if row is None:
        raise Problem(404, "no such charge")
    return 200, _public(row)


def charges(query: dict[str, list[str]]) -> Answer:
    after, limit = (
        int(query.get(name, [default])[0]) for name, default in (("after", "0"), ("limit", "500"))
    )
    rows = database().execute(
        f"SELECT {COLUMNS} FROM charge WHERE id > ? ORDER BY id LIMIT ?",
        [after, min(limit, 5000)],
    )
    return 200, [_public(row) for row in rows]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The WSGI application."""
    try:
        status, body = _route(environ)
    except Problem as problem:
        status, body = problem.status, {"error": str(problem)}
    except (ValueError, msgspec.DecodeError) as error:
        status, body = 400, {"error": str(error)}
    start_response(f"{status} {'OK' if status < 400 else 'Error'}", [("Content-Type", "application/json")])
    return [msgspec.json.encode(body)]


def _route(environ: dict[str, Any]) -> Answer:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    match path.strip("/").split("/"), method:
        case ["livez"], "GET":
            return 200, {
                "status": "ok",
                "charges": database().execute("SELECT count(*) FROM charge").fetchone()[0],
            }
        case ["charges"], "GET":
            return charges(parse_qs(environ.get("QUERY_STRING", "")))
        case ["charges"], "POST":
            key = environ.get("HTTP_IDEMPOTENCY_KEY", "")
            if not key:
                raise Problem(400, "Idempotency-Key is missing")
            return charge(_body(environ), key)
        case ["charges", key], "GET":
            return find(key)
        case ["charges", key, "void"], "POST":
            return void(key)
        case ["charges", reference, "refund"], "POST":
            return refund(reference)
    raise Problem(404, f"there is no {method} {path}")


def _body(environ: dict[str, Any]) -> dict[str, Any]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > LARGEST_BODY:
        raise Problem(413, "the body is too large")
    return msgspec.json.decode(environ["wsgi.input"].read(length), type=dict[str, Any])


def _amount(body: dict[str, Any]) -> str:
    try:
        amount = Decimal(str(body.get("amount")))
    except InvalidOperation:
        raise Problem(400, "amount must be a decimal string") from None
    if not amount.is_finite() or amount < 0:
        raise Problem(400, "amount must not be negative")
    return f"{amount:.2f}"


def _insert(key: str, status: str, amount: str, currency: str, token: str) -> sqlite3.Row:
    """The row under the key: a new one, or the one that is there."""
    database().execute(
        "INSERT INTO charge (key, reference, status, amount, currency, token) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO NOTHING",
        [key, "ch_" + secrets.token_hex(8), status, amount, currency, token],
    )
    row = _by("key", key)
    assert row is not None
    return row


def _by(column: str, value: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = (
        database().execute(f"SELECT {COLUMNS} FROM charge WHERE {column} = ?", [value]).fetchone()
    )
    return found


def _public(row: sqlite3.Row | None) -> dict[str, Any]:
    assert row is not None
    return {name: row[name] for name in ("id", "key", "reference", "status", "amount", "currency", "refund")}
