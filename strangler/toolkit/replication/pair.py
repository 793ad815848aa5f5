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
    def name(self) -> str:
        """What slots, subscriptions, publications and roles are called."""
        return "strangler_" + self.domain.replace("-", "_")

    @property
    def forward(self) -> Link:
        """By which the target follows the source until the cutover."""
        return Link(self.name, self.publications, publisher=self.source, subscriber=self.target)

    @property
    def back(self) -> Link:
        """By which the source follows the target after it."""
        return Link(f"{self.name}_back", self.publications, publisher=self.target, subscriber=self.source)

    @property
    def every_publication(self) -> tuple[str, ...]:
        """With the one of claims, whether there are any or not."""
        return (self.name, f"{self.name}_claims")

    @property
    def publications(self) -> tuple[str, ...]:
        return (self.name, f"{self.name}_claims") if self.claims else (self.name,)

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
