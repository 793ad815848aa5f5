"""The two sides of a step: which domain, which tables, from which database to which."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import Database, value
from strangler.toolkit.replication.links import Link

CLAIMS = "events_inbox"
"""The chassis's table of events handled: a domain's rows of it go along with the domain."""


@dataclass(frozen=True)
class Pair:
    """A domain on its way from `source` to `target`. `claims` is the claims' table where both have one."""

    domain: str
    tables: tuple[str, ...]
    source: Database
    target: Database
    claims: str = ""

    @property
    def forward(self) -> Link:
        """By which the target follows the source until the cutover."""
        return Link(self._name("forward"), self.publications, publisher=self.source, subscriber=self.target)

    @property
    def back(self) -> Link:
        """By which the source follows the target after it."""
        return Link(self._name("back"), self.publications, publisher=self.target, subscriber=self.source)

    @property
    def every_publication(self) -> tuple[str, str]:
        """Of the tables, and of claims, whether there are any or not."""
        return self._name("tables"), self._name("claims")

    @property
    def publications(self) -> tuple[str, ...]:
        return self.every_publication if self.claims else self.every_publication[:1]

    def both(self) -> Iterator[Database]:
        """Source, then target."""
        yield self.source
        yield self.target

    def with_claims(self) -> "Pair":
        """This pair, knowing whether there are claims to carry along."""
        for database in self.both():
            with database.session() as connection:
                if not value(connection, statements.HAS_COLUMN, [CLAIMS, "domain"]):
                    return replace(self, claims="")
        return replace(self, claims=CLAIMS)

    def _name(self, kind: str) -> str:
        """What a slot with its subscription and role is called, or a publication. The kind stands before the
        domain: `x` and another domain `x_back` share no name."""
        return f"strangler_{kind}_{self.domain.replace('-', '_')}"
