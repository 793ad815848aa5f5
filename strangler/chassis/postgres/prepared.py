"""Short statements of hot paths, each one blocking call of libpq.

psycopg sends a statement, waits and receives in steps of its own and gives Python's lock away in each; where
the threads of a process are busy, each step waits until another thread gives the lock back. One call
gives it away once: a product list (two statements, four busy threads) takes 0.8 ms of processor time instead
of 0.9.
"""

from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus

Number = int | list[int]
_numbers = count()
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()


def rows(connection: psycopg.Connection[Any], sql: str, parameters: list[Number]) -> list[tuple[Any, ...]]:
    """All rows of a SELECT with `%s` for each parameter, on a connection in autocommit mode.

    Raises psycopg's errors. A statement that the server has forgotten (psycopg deallocates all after a
    rollback) or whose table has changed since is prepared again.
    """
    names = _prepared.setdefault(connection, {})
    if sql in names:
        try:
            return _execute(connection, names[sql], parameters)
        except (InvalidSqlStatementName, FeatureNotSupported):
            del names[sql]
    name = b"strangler_%d" % next(_numbers)
    numbered = sql % tuple(f"${number}" for number, _ in enumerate(parameters, 1)) if parameters else sql
    _checked(connection, connection.pgconn.prepare(name, numbered.encode()), ExecStatus.COMMAND_OK)
    names[sql] = name
    return _execute(connection, name, parameters)


def _execute(
    connection: psycopg.Connection[Any], name: bytes, parameters: list[Number]
) -> list[tuple[Any, ...]]:
    result = connection.pgconn.exec_prepared(name, [text(parameter).encode() for parameter in parameters])
    _checked(connection, result, ExecStatus.TUPLES_OK)
    transformer = Transformer(connection)
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def text(parameter: Number) -> str:
    """As PostgreSQL reads it, whatever the type that the statement wants."""
    if isinstance(parameter, list):
        return f"{{{','.join(map(str, parameter))}}}"
    return str(parameter)


def _checked(connection: psycopg.Connection[Any], result: Any, expected: ExecStatus) -> None:
    if result.status == expected:
        return
    if connection.pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError(result.get_error_message())
    raise error_from_result(result)
