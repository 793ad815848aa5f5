"""Hand-written statements of hot paths."""

from functools import partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from strangler.chassis.postgres import prepared
from strangler.chassis.postgres.base import DatabaseWrapper

Rows = list[tuple[Any, ...]]
Parameters = list[prepared.Number] | dict[str, Any]


def fetch(sql: str, parameters: Parameters | None = None) -> Rows:
    """All rows of a SELECT on this thread's connection. Parameters are numbers and lists of numbers, each
    a `%s`, or anything by name.

    As by Django's cursor, whose wrappers cost as much as a short statement does: errors are Django's,
    `execute_wrappers` see the statement, and where queries are logged it is.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.queries_logged:
        with database.cursor() as cursor:
            cursor.execute(sql, parameters)
            logged: Rows = cursor.fetchall()
            return logged
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    execute: Any = _execute
    for wrapper in reversed(database.execute_wrappers):
        execute = partial(wrapper, execute)
    rows: Rows = execute(sql, parameters, False, {"connection": database})
    return rows


def _execute(sql: str, parameters: Parameters | None, many: bool, context: dict[str, Any]) -> Rows:
    database = context["connection"]
    with database.wrap_database_errors:
        if isinstance(parameters, dict):
            return _by_cursor(database.connection, sql, parameters)
        numbers = parameters or []
        if _may_prepare(database):
            return prepared.rows(database.connection, sql, numbers)
        return _by_cursor(database.connection, sql, [prepared.text(number) for number in numbers] or None)


def _may_prepare(database: Any) -> bool:
    """A transaction's BEGIN is psycopg's to send, waiting in an rpc process is eventlet's, and a pooler
    between here and the server may not know prepared statements: Django's settings say."""
    return (
        isinstance(database, DatabaseWrapper)
        and database.autocommit
        and database.connection.prepare_threshold is not None
    )


def _by_cursor(connection: Any, sql: str, parameters: Any) -> Rows:
    rows: Rows = connection.execute(sql, parameters).fetchall()
    return rows
