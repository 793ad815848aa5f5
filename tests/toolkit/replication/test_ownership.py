"""The schema that a step puts into a host's database, where the host's processes run."""

from collections.abc import Iterator

import psycopg
import pytest

from strangler.chassis.ownership.schema import SCHEMA
from strangler.toolkit.replication import ownership
from strangler.toolkit.replication.database import schema_exists
from strangler.toolkit.replication.errors import NotTrusted
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


@pytest.mark.parametrize("what", ["TABLE strangler.copies ()", "FUNCTION strangler.x() RETURNS int RETURN 1"])
def test_nothing_in_it_is_anothers(pair: Pair, roles: None, what: str) -> None:
    ownership.create_schema(pair.source, pair.tables)
    ownership.create_schema(pair.source, pair.tables)
    run(pair.source, f"GRANT ALL ON SCHEMA strangler TO writer; SET ROLE writer; CREATE {what}")
    with pytest.raises(NotTrusted, match="in the database old, or something in it, belongs to writer"):
        pair.source.connect()


def test_schema_that_another_makes_meanwhile_is_refused(
    pair: Pair, roles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(pair.source, "GRANT CREATE ON DATABASE old TO writer")
    others = "SET ROLE writer; CREATE SCHEMA strangler; RESET ROLE; "
    monkeypatch.setattr(ownership, "SCHEMA", others + SCHEMA)
    with pytest.raises(NotTrusted, match="belongs to writer"):
        ownership.create_schema(pair.source, pair.tables)
    pair.source.connect().close()


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
