"""The schema that a step puts into a host's database, where the host's processes run."""

from collections.abc import Iterator

import psycopg
import pytest

from strangler.toolkit.replication import ownership
from strangler.toolkit.replication.database import schema_exists
from strangler.toolkit.replication.pair import Pair
from tests.toolkit.replication.conftest import rows, run

ROLES = "old, owner, writer, reader"
MAY_READ = """
SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND has_schema_privilege(oid, 'strangler', 'USAGE')
"""


@pytest.fixture
def roles(pair: Pair) -> Iterator[None]:
    """The host's own, and others."""
    for role in ROLES.split(", "):
        run(pair.source, f"CREATE ROLE {role}")
    yield
    run(pair.source, f"DROP OWNED BY {ROLES}")
    run(pair.source, f"DROP ROLE {ROLES}")


def test_schema_is_not_there_before_it_can_be_read(
    pair: Pair, roles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that looks while it is made finds none, or may read it: with the last grant all is there."""
    monkeypatch.setattr(ownership, "GRANTS", ("SELECT FROM nowhere",))
    with pytest.raises(psycopg.errors.UndefinedTable):
        ownership.create_schema(pair.source, pair.tables)
    with pair.source.session() as connection:
        assert not schema_exists(connection)


def test_whoever_writes_to_the_tables_may_read_who_owns_them(pair: Pair, roles: None) -> None:
    """Whatever the role is called that the host's processes have."""
    run(
        pair.source,
        "CREATE TABLE thing (id int PRIMARY KEY); ALTER TABLE thing OWNER TO owner; "
        "GRANT SELECT, INSERT ON thing TO writer; GRANT SELECT ON thing TO reader",
    )
    ownership.create_schema(pair.source, pair.tables)
    found = rows(pair.source, MAY_READ, [ROLES.split(", ")])
    assert {row["rolname"] for row in found} == {"old", "owner", "writer"}
