"""Hand-written statements of hot paths."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


def fetch(sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """All rows of a statement on this thread's connection; see `DatabaseWrapper.fetch`."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    rows: list[tuple[Any, ...]] = database.fetch(sql, parameters)
    return rows
