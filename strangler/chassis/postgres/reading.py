"""Hand-written statements of hot paths."""

from functools import partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

Rows = list[tuple[Any, ...]]


def fetch(sql: str, parameters: Any = None) -> Rows:
    """All rows of a statement on this thread's connection.

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


def _execute(sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Rows:
    database = context["connection"]
    with database.wrap_database_errors:
        rows: Rows = database.connection.execute(sql, parameters).fetchall()
        return rows
