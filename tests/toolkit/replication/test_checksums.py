"""Equal rows are equal, whatever their key is made of and however a server shows it."""

import pytest

from strangler.toolkit.replication import checksums
from strangler.toolkit.replication.pair import Pair
from tests.toolkit.replication.conftest import follow, in_both

KEYS = {
    "text COLLATE first": "('a'), ('B'), ('c'), ('D'), ('e''\\')",
    "timestamptz": "('-infinity'), ('2024-01-01'), ('2024-06-01 12:00:00.000001'), ('infinity')",
    "date": "('4713-01-01 BC'), ('-infinity'), ('infinity')",
    "uuid": "(gen_random_uuid()), (gen_random_uuid()), (gen_random_uuid())",
    "double precision": "('-Infinity'), (0.1), (1e300), ('NaN')",
    "bytea": "('\\x00'), ('\\xff'), ('\\x5c')",
    "bigint": "(-1), (0), (2)",
}


@pytest.fixture(autouse=True)
def ranges_of_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "RANGE_ROWS", 1)


@pytest.mark.parametrize("key", KEYS)
def test_rows_are_compared_by_any_key(pair: Pair, key: str) -> None:
    """Also where text has another order on the other side, as by another version of the same library."""
    pair.source.run("CREATE COLLATION first (PROVIDER = icu, LOCALE = 'en-US')")
    pair.target.run('CREATE COLLATION first FROM "C"')
    in_both(pair, f"CREATE TABLE thing (id {key} PRIMARY KEY, n int)")
    pair.source.run(f"INSERT INTO thing (id) VALUES {KEYS[key]}")
    follow(pair)
    compared = checksums.compare(pair, pair.forward)
    assert compared.differing == []
    assert compared.rows == pair.source.rows("SELECT count(*) AS n FROM thing")[0]["n"]
    with pair.target.session() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE thing SET n = 1 WHERE id = (SELECT id FROM thing LIMIT 1)")
    assert len(checksums.compare(pair, pair.forward).differing) == 1


OTHERWISE = {
    "TimeZone": "Asia/Kathmandu",
    "DateStyle": "German",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "-3",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "search_path": "elsewhere",
}


@pytest.mark.parametrize("setting", OTHERWISE)
def test_rows_are_compared_whatever_a_database_is_set_to(pair: Pair, setting: str) -> None:
    in_both(
        pair,
        "CREATE TABLE thing (id timestamptz PRIMARY KEY, day date, lasts interval, share double precision, "
        "image bytea, name text)",
    )
    pair.source.run(
        "INSERT INTO thing SELECT now() + n * interval '1 month', now(), '1 day 2 hours', 1 / 3.0, "
        "'\\xc3a4', 'ä' FROM generate_series(1, 3) n"
    )
    pair.source.run(f"ALTER DATABASE old SET {setting} = '{OTHERWISE[setting]}'")
    follow(pair)
    assert pair.source.rows("SELECT * FROM thing ORDER BY id") == pair.target.rows("TABLE thing ORDER BY id")
    compared = checksums.compare(pair, pair.forward)
    assert (compared.rows, compared.differing) == (3, [])
