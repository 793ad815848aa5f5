"""Django's PostgreSQL engine, whose pool never hands out a connection that died while idle.

Django's own check (`CONN_HEALTH_CHECKS`) is a round trip for each request, and the pool pauses for seconds
when it fails; without it, every pooled connection fails one request after a restart of the server. An idle
connection has nothing to read, unless the server said goodbye or is gone: looking costs a system call.
"""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base


def alive(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server has neither closed nor ended this idle connection, as far as its socket tells."""
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return not poll.poll(0)


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection of a thread to the database, from the process's pool if it has one."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] = super().get_new_connection(conn_params)
        while self.pool is not None and not alive(connection):
            connection.close()
            self.pool.putconn(connection)  # which replaces it
            connection = super().get_new_connection(conn_params)
        return connection
