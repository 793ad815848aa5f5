"""The schema that a step puts into a host's database, where the host's processes run."""

from collections.abc import Iterator

import psycopg
import pytest

from strangler.toolkit.replication import ownership
from strangler.toolkit.replication.pair import Pair

ROLES = "old, somebody"


@pytest.fixture
def roles(pair: Pair) -> Iterator[None]:
    """The host's own, and another."""
    for role in ROLES.split(", "):
        pair.source.run(f"CREATE ROLE {role}")
    yield
    pair.source.run(f"DROP OWNED BY {ROLES}")
    pair.source.run(f"DROP ROLE {ROLES}")


def test_schema_is_not_there_before_it_can_be_read(
    pair: Pair, roles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that looks while it is made finds none, or may read it: with the last grant all is there."""
    monkeypatch.setattr(ownership, "GRANTS", ("SELECT FROM nowhere",))
    with pytest.raises(psycopg.errors.UndefinedTable):
        ownership.create_schema(pair.source)
    with pair.source.session() as connection:
        assert not ownership.schema_exists(connection)
