"""Django's PostgreSQL engine, which notices for the price of a system call that an idle connection died.

Persistent connections (`CONN_MAX_AGE`) need a check (`CONN_HEALTH_CHECKS`), or each fails a request after a
restart of the server; Django's check is a round trip for every request. An idle connection has nothing to
read unless the server said goodbye or is gone, so looking at its socket tells as much.
"""

import select
from functools import partial
from typing import Any

from django.db.backends.postgresql import base

from strangler.chassis.postgres.operations import DatabaseOperations


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection of a thread to the database."""

    ops_class = DatabaseOperations

    def is_usable(self) -> bool:
        if self.errors_occurred:
            # Something went wrong on it: ask the server.
            return bool(super().is_usable())
        return not self.connection.closed and _is_quiet(self.connection.pgconn.socket)

    def fetch(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """All rows of a statement, as by `cursor()`, whose wrappers cost as much as a short statement does.

        Database errors are Django's, and `execute_wrappers` see the statement.
        """
        if self.queries_logged:
            with self.cursor() as cursor:
                cursor.execute(sql, parameters)
                rows: list[tuple[Any, ...]] = cursor.fetchall()
                return rows
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.validate_no_broken_transaction()
        execute: Any = self._fetch
        for wrapper in reversed(self.execute_wrappers):
            execute = partial(wrapper, execute)
        return execute(sql, parameters, False, {"connection": self})  # type: ignore[no-any-return]

    def _fetch(self, sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        with self.wrap_database_errors:
            return self.connection.execute(sql, parameters).fetchall()


def _is_quiet(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)
