"""Statements that every request asks, on the shortest way to the server.

A cursor costs more processor time than PostgreSQL spends on a row by its key. `Prepared` goes to libpq's
`PQexecPrepared` (psycopg's low-level `pq` module) instead, where nobody needs the cursor: not in a
transaction, whose BEGIN psycopg sends with its own first statement, and not where the statement is watched
(a recorded trace, Django's query log, an execute wrapper). The rows are the same either way.
"""

from itertools import count
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from opentelemetry import trace
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

_numbers = count()


class Prepared:
    """A SELECT with `%s` for each parameter, all of them and all columns text (cast what is not).

    fetch("…") gives the rows, each a tuple of strings and Nones.
    """

    def __init__(self, statement: str) -> None:
        self.statement = statement
        pieces = statement.split("%s")
        numbered = "".join(f"{piece}${n}" for n, piece in enumerate(pieces[:-1], 1)) + pieces[-1]
        self._command = numbered.encode()
        self._name = f"chassis_{next(_numbers)}".encode()
        self._known: WeakKeyDictionary[psycopg.Connection[object], bool] = WeakKeyDictionary()

    def fetch(self, *parameters: str) -> list[tuple[str | None, ...]]:
        """The rows; raises Django's database errors."""
        here = connections[DEFAULT_DB_ALIAS]
        here.ensure_connection()
        if not here.autocommit or here.in_atomic_block or _watched(here):
            with here.cursor() as cursor:
                cursor.execute(self.statement, parameters)
                return list(cursor.fetchall())
        with here.wrap_database_errors:
            return self._fetch(here.connection, [value.encode() for value in parameters])

    def _fetch(
        self, server: psycopg.Connection[object], parameters: list[bytes]
    ) -> list[tuple[str | None, ...]]:
        if server not in self._known:
            _check(server, server.pgconn.prepare(self._name, self._command), ExecStatus.COMMAND_OK)
            self._known[server] = True
        result = server.pgconn.exec_prepared(self._name, parameters)
        _check(server, result, ExecStatus.TUPLES_OK)
        value, columns = result.get_value, range(result.nfields)
        return [
            tuple([None if (raw := value(row, column)) is None else raw.decode() for column in columns])
            for row in range(result.ntuples)
        ]


def _watched(here: BaseDatabaseWrapper) -> bool:
    return here.queries_logged or bool(here.execute_wrappers) or trace.get_current_span().is_recording()


def _check(server: psycopg.Connection[object], result: PGresult, wanted: ExecStatus) -> None:
    if result.status == wanted:
        return
    if server.pgconn.status != ConnStatus.OK:
        raise psycopg.OperationalError(server.pgconn.get_error_message())
    raise psycopg.errors.error_from_result(result, encoding=server.info.encoding)
