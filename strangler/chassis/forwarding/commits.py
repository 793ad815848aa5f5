"""Whether a request has changed anything for good: then it cannot be done again, here or elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError

from strangler.chassis.postgres.base import unanswered

CHANGES = ("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE")
"""The statements that do, as the server calls them."""


class Commits:
    """An execute wrapper of Django's: `any` says whether a change of this request was committed, or may
    have been: a statement that is a transaction by itself, whose answer was lost."""

    def __init__(self) -> None:
        self.any = False

    def __call__(
        self, execute: Callable[..., Any], sql: Any, parameters: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        try:
            found = execute(sql, parameters, many, context)
        except OperationalError as error:
            alone = not context["connection"].in_atomic_block
            self.any |= alone and unanswered(error) and str(sql).lstrip().upper().startswith(CHANGES)
            raise
        # A SELECT may come without Django's cursor.
        if (cursor := context.get("cursor")) is not None and _changed(cursor):
            self._changed(context["connection"])
        return found

    def _changed(self, connection: Any) -> None:
        if connection.in_atomic_block:
            connection.on_commit(self._committed)  # which a rollback forgets
        else:
            self._committed()

    def _committed(self) -> None:
        self.any = True


@contextmanager
def harmless(request: Any) -> Iterator[None]:
    """What this request changes here may be changed again: a count of attempts, say. It is no part of the
    request's effect, of which one would have to know whether it was had."""
    commits: Commits | None = getattr(request, "commits", None)
    before = commits is not None and commits.any
    try:
        yield
    finally:
        if commits is not None:
            commits.any = before


def _changed(cursor: Any) -> bool:
    return (cursor.statusmessage or "").startswith(CHANGES) and cursor.rowcount != 0
