"""Hand-written statements of hot paths."""

from functools import partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from strangler.chassis.postgres import prepared
from strangler.chassis.postgres.base import DatabaseWrapper

Rows = list[tuple[Any, ...]]
Parameters = list[prepared.Number] | dict[str, Any]


def fetch(sql: str, parameters: Parameters | None = None) -> Rows:
    """All rows of a SELECT on this thread's connection. Parameters are numbers and lists of numbers, each
    a `%s`, or anything by name.

    Where it can, as one prepared statement without Django's cursor, whose wrappers cost as much as a short
    statement does. Errors are Django's either way, and `execute_wrappers` see the statement.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if isinstance(parameters, dict) or not _may_prepare(database):
        return _by_cursor(database, sql, parameters)
    numbers, checked = parameters or [], database.health_check_done
    try:
        rows = _prepared(database, sql, numbers)
    except OperationalError:
        # A lasting connection that died since its last request is not this request's failure.
        if checked or database.is_usable():
            raise
        database.close()
        database.ensure_connection()
        return _prepared(database, sql, numbers)
    database.health_check_done = True
    return rows


def _may_prepare(database: Any) -> bool:
    """A transaction's BEGIN is psycopg's to send, waiting in an rpc process is eventlet's, a pooler between
    here and the server may not know prepared statements (Django's settings say), and a log is Django's to
    write."""
    return (
        isinstance(database, DatabaseWrapper)
        and database.connection is not None
        and database.autocommit
        and database.connection.prepare_threshold is not None
        and not database.queries_logged
    )


def _prepared(database: Any, sql: str, numbers: list[prepared.Number]) -> Rows:
    execute: Any = _execute
    for wrapper in reversed(database.execute_wrappers):
        execute = partial(wrapper, execute)
    rows: Rows = execute(sql, numbers, False, {"connection": database})
    return rows


def _execute(sql: str, numbers: list[prepared.Number], many: bool, context: dict[str, Any]) -> Rows:
    database = context["connection"]
    with database.wrap_database_errors:
        return prepared.rows(database.connection, sql, numbers)


def _by_cursor(database: Any, sql: str, parameters: Parameters | None) -> Rows:
    given: Any = parameters
    if isinstance(parameters, list):
        given = [prepared.text(number) for number in parameters] or None
    with database.cursor() as cursor:
        cursor.execute(sql, given)
        rows: Rows = cursor.fetchall()
        return rows
