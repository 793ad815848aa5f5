"""The databases of any Django settings, made fit for an rpc process."""

from collections.abc import Mapping
from typing import Any

ENGINES = ("django.db.backends.postgresql", "strangler.chassis.postgres")
POOL_SECONDS = 3.0
IDLE_SECONDS = 60.0


def pooled(databases: Mapping[str, Mapping[str, Any]], *, size: int) -> dict[str, dict[str, Any]]:
    """The same databases behind a pool of at most so many connections, opened as they are needed: every call
    is a greenlet of its own, and would have a connection of its own."""
    found = {}
    for alias, database in databases.items():
        found[alias] = dict(database)
        if database.get("ENGINE") in ENGINES:
            pool = {"min_size": 1, "max_size": size, "timeout": POOL_SECONDS, "max_idle": IDLE_SECONDS}
            found[alias] |= {
                "ENGINE": "strangler.chassis.rpc.database",
                "CONN_MAX_AGE": 0,
                "CONN_HEALTH_CHECKS": False,
                "OPTIONS": {**database.get("OPTIONS", {}), "pool": pool},
            }
    return found
