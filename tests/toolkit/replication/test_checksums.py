"""Equal rows are equal, whatever their key is made of and however a server shows it."""

import pytest

from strangler.toolkit.replication import checksums, links
from strangler.toolkit.replication.database import Database
from strangler.toolkit.replication.links import Link
from strangler.toolkit.replication.pair import Pair
from tests.ports import wait_for
from tests.toolkit.replication.conftest import client, follow, in_both, rows, run

KEYS = {
    "text COLLATE first": "('a'), ('B'), ('c'), ('D'), ('e''\\')",
    "character(3)": "('a'), ('B  '), ('c d')",
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
    run(pair.source, "CREATE COLLATION first (PROVIDER = icu, LOCALE = 'en-US')")
    run(pair.target, 'CREATE COLLATION first FROM "C"')
    in_both(pair, f"CREATE TABLE thing (id {key} PRIMARY KEY, n int)")
    run(pair.source, f"INSERT INTO thing (id) VALUES {KEYS[key]}")
    follow(pair)
    compared = checksums.compare(pair, pair.forward)
    assert compared.differing == []
    assert compared.rows == rows(pair.source, "SELECT count(*) AS n FROM thing")[0]["n"]
    with client(pair.target) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE thing SET n = 1")
    assert len(checksums.compare(pair, pair.forward).differing) == compared.rows


OTHER_SESSIONS = """
SELECT FROM pg_stat_activity WHERE application_name = 'strangler-step' AND pid <> pg_backend_pid()
"""
SCANS = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'thing'"


def scans(database: Database) -> int:
    """How often the table was read from end to end. A session's count is known when the session is over."""
    wait_for(lambda: not rows(database, OTHER_SESSIONS))
    return int(rows(database, SCANS)[0]["seq_scan"])


@pytest.mark.parametrize(
    ("key", "equal", "differing"),
    [
        ("id text PRIMARY KEY", 1, 2),
        ("id varchar(9), no int DEFAULT 7, PRIMARY KEY (id, no)", 1, 2),
        ("id bigint PRIMARY KEY", 0, 0),
    ],
)
def test_table_is_not_read_whole_for_each_range(pair: Pair, key: str, equal: int, differing: int) -> None:
    """By an index, or, where none has an order that both sides know, all in one pass."""
    in_both(pair, f"CREATE TABLE thing ({key}, note text)")
    run(pair.source, "INSERT INTO thing (id) SELECT n FROM generate_series(1, 9) n")
    follow(pair)
    for database in pair.both():
        run(database, f"ALTER DATABASE {database.name} SET enable_seqscan = off")
    for change, expected in (("", equal), ("UPDATE thing SET note = 'x' WHERE id = '3'", differing)):
        run(pair.target, f"SET session_replication_role = replica; {change}")
        before = [scans(database) for database in pair.both()]
        compared = checksums.compare(pair, pair.forward)
        assert (compared.rows, len(compared.differing)) == (9, 1 if change else 0)
        after = [scans(database) for database in pair.both()]
        assert [b - a for a, b in zip(before, after, strict=True)] == [expected, expected]


@pytest.mark.parametrize("key", ["text", "bigint"])
def test_what_is_written_meanwhile_is_no_difference(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    in_both(pair, f"CREATE TABLE thing (id {key} PRIMARY KEY, n int)")
    run(pair.source, "INSERT INTO thing SELECT n FROM generate_series(1, 9) n")
    follow(pair)
    usual, changes = (
        links.catch_up,
        ["UPDATE thing SET n = 1", "DELETE FROM thing WHERE id = '2'", "INSERT INTO thing VALUES ('10')"],
    )

    def catch_up(link: Link, *, seconds: float) -> float:
        while changes:
            run(pair.source, changes.pop())
        return usual(link, seconds=seconds)

    monkeypatch.setattr(links, "catch_up", catch_up)
    compared = checksums.compare(pair, pair.forward)
    assert (compared.rows, compared.differing) == (9, [])


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
    run(
        pair.source,
        "INSERT INTO thing SELECT now() + n * interval '1 month', now(), '1 day 2 hours', 1 / 3.0, "
        "'\\xc3a4', 'ä' FROM generate_series(1, 3) n",
    )
    run(pair.source, f"ALTER DATABASE old SET {setting} = '{OTHERWISE[setting]}'")
    follow(pair)
    here, there = (one.rows("SELECT * FROM public.thing ORDER BY id") for one in pair.both())
    assert here == there
    compared = checksums.compare(pair, pair.forward)
    assert (compared.rows, compared.differing) == (3, [])
