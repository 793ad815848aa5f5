"""Django's PostgreSQL engine, which notices for the price of a system call that an idle connection died.

Persistent connections (`CONN_MAX_AGE`) need a check (`CONN_HEALTH_CHECKS`), or each fails a request after a
restart of the server; Django's check is a round trip for every request. An idle connection has nothing to
read unless the server said goodbye or is gone, so looking at its socket tells as much.
"""

import select
from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base

from strangler.chassis.postgres.operations import DatabaseOperations


class CommitLost(OperationalError):
    """The connection ended over a COMMIT: nobody knows whether it was one."""


def unanswered(error: OperationalError) -> bool:
    """Whether the server said nothing of what it was asked: what it refuses has a code."""
    return getattr(error.__cause__, "sqlstate", None) is None


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection of a thread to the database."""

    ops_class = DatabaseOperations

    def _commit(self) -> Any:
        try:
            return super()._commit()  # type: ignore[misc]
        except OperationalError as error:
            if unanswered(error):
                raise CommitLost(*error.args) from error.__cause__
            raise

    def is_usable(self) -> bool:
        if self.errors_occurred:
            # Something went wrong on it: ask the server.
            return bool(super().is_usable())
        return not self.connection.closed and _is_quiet(self.connection.pgconn.socket)


def _is_quiet(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)
