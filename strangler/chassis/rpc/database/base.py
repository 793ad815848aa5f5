"""Django's PostgreSQL engine for rpc processes: no statement and no commit past the call's deadline."""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from strangler.chassis.postgres.operations import DatabaseOperations
from strangler.chassis.rpc.database import statements


class DatabaseWrapper(base.DatabaseWrapper):
    """A call's connection, out of the process's pool, which never gives one that died while idle."""

    ops_class = DatabaseOperations

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute_wrappers.append(statements.bounded)

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] = super().get_new_connection(conn_params)
        while self.pool is not None and not _is_quiet(connection):
            connection.close()
            self.pool.putconn(connection)  # which replaces it
            connection = super().get_new_connection(conn_params)
        statements.mine().add(connection)
        return connection

    def _close(self) -> None:
        if self.connection is not None:
            statements.mine().discard(self.connection)
            if statements.was_cancelled(self.connection):
                # The pool makes a new one: a late request must not hit the next call's statement.
                self.connection.close()
        super()._close()  # type: ignore[misc]

    def _commit(self) -> None:
        if self.connection is not None:
            statements.check()
        super()._commit()  # type: ignore[misc]


def _is_quiet(connection: psycopg.Connection[Any]) -> bool:
    """Whether an idle connection lives, as far as its socket tells: there is nothing to read unless the
    server said goodbye or is gone. (select, because eventlet takes poll away.)"""
    return not select.select([connection.pgconn.socket], [], [], 0)[0]
