"""What would stop a step halfway, or lose a write, is refused before it begins."""

from dataclasses import replace

import psycopg
import pytest

from strangler.toolkit.replication import checks, checksums, links
from strangler.toolkit.replication.errors import NotReady
from strangler.toolkit.replication.pair import Pair
from tests.postgres import Postgres, version
from tests.toolkit.replication.conftest import follow, in_both, made, run

THING = "CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL UNIQUE, note text)"
TRIGGER = """
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER audit AFTER INSERT ON thing EXECUTE FUNCTION audit()
"""


@pytest.mark.parametrize("host", ["old", "new"])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("ALTER TABLE thing REPLICA IDENTITY NOTHING", "ALTER TABLE thing REPLICA IDENTITY DEFAULT"),
        ("ALTER TABLE thing REPLICA IDENTITY USING INDEX thing_name_key", "REPLICA IDENTITY DEFAULT"),
        ("ALTER TABLE thing DROP CONSTRAINT thing_pkey, ADD PRIMARY KEY (id) DEFERRABLE", "DEFERRABLE"),
        ("CREATE EXTENSION ltree; ALTER TABLE thing ALTER id TYPE ltree USING 'a'", "an extension's type"),
        ("ALTER TABLE thing SET UNLOGGED", "ALTER TABLE thing SET LOGGED"),
        ("CREATE TABLE part () INHERITS (thing)", "Make it a table of its own"),
        ("CREATE TABLE whole (name text NOT NULL); ALTER TABLE thing INHERIT whole", "a table of its own"),
        ("ALTER TABLE thing ENABLE ALWAYS TRIGGER audit", "audit would fire"),
        ("ALTER TABLE thing ENABLE REPLICA TRIGGER audit", "ALTER TABLE thing ENABLE TRIGGER"),
        (
            "DROP TABLE thing; CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL, note text) "
            "PARTITION BY RANGE (id)",
            "it is partitioned",
        ),
        (
            "DROP TABLE thing; CREATE TABLE whole (id int PRIMARY KEY, name text NOT NULL, note text) "
            "PARTITION BY RANGE (id); CREATE TABLE thing PARTITION OF whole DEFAULT",
            "a partition",
        ),
    ],
)
def test_table_that_does_not_move_is_refused(pair: Pair, host: str, change: str, why: str) -> None:
    in_both(pair, f"{THING}; {TRIGGER}")
    checks.ready(pair)
    run(next(one for one in pair.both() if one.host == host), change)
    with pytest.raises(NotReady) as raised:
        checks.ready(pair)
    (problem,) = [line for line in str(raised.value).splitlines() if f"thing in {host}: " in line]
    assert why in problem


@pytest.mark.parametrize("host", ["old", "new"])
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("ALTER TABLE thing ADD CHECK (note <> '')", "CHECK ((note <> ''::text))"),
        ("ALTER TABLE thing ALTER note SET NOT NULL", "note NOT NULL"),
        ("ALTER TABLE thing ADD UNIQUE (note)", "CREATE UNIQUE INDEX ON public.thing USING btree (note)"),
        (
            "CREATE UNIQUE INDEX one ON thing (note) WHERE name <> ''",
            "CREATE UNIQUE INDEX ON public.thing USING btree (note) WHERE (name <> ''::text)",
        ),
        ("ALTER TABLE thing ADD UNIQUE (note) DEFERRABLE", "USING btree (note) DEFERRABLE"),
        ("ALTER TABLE thing ADD EXCLUDE (note WITH =)", "EXCLUDE USING btree (note WITH =)"),
    ],
)
def test_rule_that_one_side_has_is_refused(pair: Pair, host: str, change: str, rule: str) -> None:
    in_both(pair, THING)
    this, other = sorted(pair.both(), key=lambda one: one.host != host)
    run(this, change)
    with pytest.raises(NotReady) as raised:
        checks.ready(pair)
    (problem,) = str(raised.value).splitlines()[1:]
    assert f"{rule} holds in {host} only" in problem
    run(other, change)
    checks.ready(pair)


def test_rules_may_be_named_otherwise(pair: Pair) -> None:
    in_both(pair, THING)
    run(pair.source, "ALTER TABLE thing ADD CONSTRAINT one CHECK (id > 0)")
    run(pair.source, "CREATE UNIQUE INDEX first ON thing (note)")
    run(pair.target, "ALTER TABLE thing ADD CONSTRAINT other CHECK (id > 0)")
    run(pair.target, 'CREATE UNIQUE INDEX "Second" ON thing (note)')
    checks.ready(pair)


def test_statement_that_would_help_has_the_tables_own_name(pair: Pair) -> None:
    """Whatever letters it has."""
    pair = replace(pair, tables=("HD Thing",))
    in_both(pair, 'CREATE TABLE "HD Thing" (id int PRIMARY KEY, "No" int)')
    run(pair.source, 'ALTER TABLE "HD Thing" REPLICA IDENTITY NOTHING')
    run(pair.source, """CREATE SEQUENCE nos; ALTER TABLE "HD Thing" ALTER "No" SET DEFAULT nextval('nos')""")
    with pytest.raises(NotReady) as raised:
        checks.ready(pair)
    assert 'ALTER TABLE "HD Thing" REPLICA IDENTITY DEFAULT' in str(raised.value)
    assert 'OWNED BY "HD Thing"."No"' in str(raised.value)


def made_anew(pair: Pair, host: str, how: str) -> None:
    with psycopg.connect(pair.source.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {host}")
        connection.execute(how)


@pytest.mark.parametrize(
    "locale",
    [
        "LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'",
        "LC_COLLATE 'C'",
        "LC_CTYPE 'C'",
        "ENCODING LATIN1 LOCALE 'C'",
    ],
)
def test_databases_must_keep_and_sort_text_alike(pair: Pair, locale: str) -> None:
    """What is refused says how to make the other one, and so it is not refused any more."""
    made_anew(pair, "old", f"CREATE DATABASE old TEMPLATE template0 {locale}")
    in_both(pair, THING)
    with pytest.raises(NotReady, match="new would keep or sort text otherwise than old") as raised:
        checks.ready(pair)
    _, how = str(raised.value).split("`prepare` it: ")
    made_anew(pair, "new", how.replace('OWNER "new"', "OWNER postgres"))
    run(pair.target, THING)
    checks.ready(pair)


def test_a_locale_may_be_spelled_otherwise(pair: Pair) -> None:
    made_anew(pair, "old", "CREATE DATABASE old TEMPLATE template0 LC_COLLATE 'C.utf8' LC_CTYPE 'C.utf8'")
    in_both(pair, THING)
    checks.ready(pair)


@pytest.mark.parametrize(("source", "target"), [("FULL", "DEFAULT"), ("DEFAULT", "FULL")])
def test_table_sent_with_full_rows_is_followed(pair: Pair, source: str, target: str) -> None:
    """Those too that are kept beside the table for their size."""
    in_both(pair, THING)
    for database, identity in ((pair.source, source), (pair.target, target)):
        run(database, f"ALTER TABLE thing REPLICA IDENTITY {identity}")
    checks.ready(pair)
    large = "(SELECT string_agg(md5(n::text), '') FROM generate_series(id, id + 999) n)"
    run(pair.source, "INSERT INTO thing SELECT n, n, NULL FROM generate_series(1, 9) n")
    run(pair.source, f"UPDATE thing SET note = {large}")
    follow(pair)
    for change in ("UPDATE thing SET name = -id", "UPDATE thing SET id = 10 WHERE id = 9"):
        run(pair.source, change)
    run(pair.source, f"UPDATE thing SET note = {large} WHERE id = 2")
    run(pair.source, "DELETE FROM thing WHERE id = 3")
    links.catch_up(pair.forward, seconds=20)
    compared = checksums.compare(pair, pair.forward)
    assert (compared.rows, compared.differing) == (8, [])


ORIGIN = (
    "SELECT pg_replication_origin_create('{0}')",
    "SELECT pg_replication_origin_advance('{0}', '0/1')",
)
TAKEN = {
    "slots": ("max_replication_slots = 2", ["SELECT pg_create_physical_replication_slot('other')"]),
    "origins": ("{origins} = 2", [part.format(name) for name in ("one", "other") for part in ORIGIN]),
    "senders": ("max_wal_senders = 0", []),
    "workers": (
        "max_logical_replication_workers = 1",
        [
            "CREATE SUBSCRIPTION other CONNECTION 'port=1' PUBLICATION other WITH (connect = false)",
            "ALTER SUBSCRIPTION other ENABLE",
        ],
    ),
}


@pytest.mark.parametrize("what", TAKEN)
def test_server_must_have_room_for_a_step(what: str) -> None:
    setting, statements = TAKEN[what]
    origins = "max_active_replication_origins" if version() >= 18 else "max_replication_slots"
    setting = setting.format(origins=origins)
    server = Postgres("wal_level=logical", setting.replace(" ", ""))
    try:
        pair = made(server.start())
        in_both(pair, THING)
        for statement in statements:
            checks.ready(pair)
            run(pair.source, statement)
        with pytest.raises(NotReady, match=f"old has too few {what}: . of {setting} are in use by others"):
            checks.ready(pair)
    finally:
        server.stop()


def test_what_the_step_has_made_already_is_not_in_its_way() -> None:
    """A command that was killed is run again on a server that has just the room for it."""
    server = Postgres(
        "wal_level=logical",
        "max_replication_slots=2",
        "max_wal_senders=2",
        "max_logical_replication_workers=1",
    )
    try:
        pair = made(server.start())
        in_both(pair, THING)
        follow(pair)
        links.create_slot(pair.back)
        links.subscribe(pair.back)
        checks.ready(pair)
    finally:
        server.stop()
