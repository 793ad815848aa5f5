"""Django's SQL compilers; the one that selects says what to do where a join would leave this database."""

from typing import Any

from django.db.backends.postgresql import compiler
from django.db.backends.postgresql.compiler import (
    SQLAggregateCompiler,
    SQLDeleteCompiler,
    SQLInsertCompiler,
    SQLUpdateCompiler,
)

from strangler.chassis.references import RemoteReference

__all__ = [
    "SQLAggregateCompiler",
    "SQLCompiler",
    "SQLDeleteCompiler",
    "SQLInsertCompiler",
    "SQLUpdateCompiler",
]


class SQLCompiler(compiler.SQLCompiler):
    """Raises RemoteJoin for `select_related` across a reference whose target is another host's."""

    def get_related_selections(
        self,
        select: Any,
        select_mask: Any,
        opts: Any = None,
        root_alias: Any = None,
        cur_depth: int = 1,
        requested: Any = None,
        restricted: Any = None,
    ) -> Any:
        """Django's, once for each level of what is selected along."""
        wanted = self.query.select_related if requested is None else requested
        if isinstance(wanted, dict):
            for field in (opts or self.query.get_meta()).fields:
                if isinstance(field, RemoteReference) and field.name in wanted:
                    raise field.not_joined(f"`prefetch_related({field.name!r})` asks for all rows at once")
        return super().get_related_selections(
            select, select_mask, opts, root_alias, cur_depth, requested, restricted
        )
