"""The connections that a call uses now, so that its deadline can stop what they do."""

import logging
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import psycopg
from django.db import OperationalError
from psycopg.pq import TransactionStatus

from strangler.chassis.rpc import deadline

log = logging.getLogger(__name__)

CANCEL_SECONDS = 1.0
_cancelled: WeakSet[psycopg.Connection[Any]] = WeakSet()
_mine: ContextVar[set[psycopg.Connection[Any]] | None] = ContextVar("connections", default=None)


def mine() -> set[psycopg.Connection[Any]]:
    """The connections of the call that runs here."""
    found = _mine.get()
    if found is None:
        found = set()
        _mine.set(found)
    return found


def cancel(used: set[psycopg.Connection[Any]]) -> None:
    """Ask the server to stop the statements under way; who waits for one gets an OperationalError."""
    for connection in list(used):
        if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
            _cancelled.add(connection)
            try:
                connection.cancel_safe(timeout=CANCEL_SECONDS)
            except psycopg.Error as error:
                log.warning("a statement past its deadline could not be cancelled: %s", error)


def was_cancelled(connection: psycopg.Connection[Any]) -> bool:
    """Whether a request to cancel may still be on its way to this connection's next statement."""
    return connection in _cancelled


def check() -> None:
    """Raise OperationalError if nobody waits for the call's effect any more."""
    if deadline.passed():
        raise OperationalError("the call's deadline has passed")


def bounded(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Django's database instrumentation hook: no statement is begun past the deadline."""
    check()
    return execute(sql, params, many, context)
