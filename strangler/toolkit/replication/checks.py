"""Whether two databases are ready for a step, before anything is changed."""

from strangler.toolkit.replication import sequences, statements
from strangler.toolkit.replication.database import Database, rows
from strangler.toolkit.replication.errors import NotReady
from strangler.toolkit.replication.pair import Pair

NEEDED = {
    "slots": ("max_replication_slots", 2),
    "origins": ("max_active_replication_origins", 1),
    "senders": ("max_wal_senders", 2),
    "workers": ("max_logical_replication_workers", 1),
}
"""What a step needs of a server: by which setting it is limited, and how many."""
BEFORE_18 = {"max_active_replication_origins": "max_replication_slots"}
"""What the setting was called."""
OLDEST = 150000
UNFIT = {
    "unlogged": "its changes are not in the log, and so are not sent. ALTER TABLE {quoted} SET LOGGED.",
    "identity": "changes are not sent with its primary key. ALTER TABLE {quoted} REPLICA IDENTITY DEFAULT.",
    "deferrable": "changes do not find their row by a primary key that is DEFERRABLE. Make it another.",
    "extended": (
        "its primary key is of an extension's type, by whose order it cannot be compared with the other "
        "side's: a step calls nothing but what is PostgreSQL's own."
    ),
    "inherits": (
        "it is partitioned, a partition, or inherits. What is written by way of another table of the family "
        "would meet no fence. Make it a table of its own."
    ),
    "triggers": (
        "{triggers} would fire for what replication writes too. ALTER TABLE {quoted} ENABLE TRIGGER …, which "
        "makes it one that fires for clients' writes only."
    ),
}
"""Why a table does not move: each a column of `statements.UNFIT`."""


def ready(pair: Pair) -> None:
    """Raise NotReady, with everything that is missing and what to do about it."""
    problems = [
        *(problem for database in pair.both() for problem in _server(pair, database)),
        *_locales(pair),
        *(_tables(pair) or _rules(pair)),
        *(problem for database in pair.both() for problem in _unfit(pair, database)),
        *_sequences(pair),
        *_references(pair),
    ]
    if problems:
        raise NotReady(f"{pair.domain} cannot move yet:\n" + "\n".join(f"- {p}" for p in problems))


def _server(pair: Pair, database: Database) -> list[str]:
    own = [pair.forward.name, pair.back.name]  # which a command that was killed has made already
    with database.session() as connection:
        version = connection.info.server_version
        settings = {row["name"]: row["setting"] for row in rows(connection, statements.SETTINGS)}
        (others,) = rows(connection, statements.REPLICATION_IN_USE, {"own": own})
    problems = []
    if version < OLDEST:
        problems.append(f"{database.host}: PostgreSQL {version // 10000}. A step needs 15 or newer.")
    if settings["wal_level"] != "logical":
        problems.append(
            f"{database.host}: wal_level is {settings['wal_level']}. Set wal_level = logical and restart it."
        )
    for what, (name, needed) in NEEDED.items():
        setting = name if name in settings else BEFORE_18[name]
        if others[what] + needed > int(settings[setting]):
            problems.append(
                f"{database.host} has too few {what}: {others[what]} of {setting} = {settings[setting]} are "
                f"in use by others, and a step needs {needed}. Raise {setting} and restart the server."
            )
    return problems


def _locales(pair: Pair) -> list[str]:
    """Text is copied as it is, and sorted by each as its database is made."""
    here, there = (database.rows(statements.LOCALE, [database.name])[0]["clause"] for database in pair.both())
    if _spelled_alike(here) == _spelled_alike(there):
        return []
    target = pair.target
    return [
        f"{target.host} would keep or sort text otherwise than {pair.source.host}: it was made with {there}. "
        "Make it anew, then `provision` and `prepare` it: "
        f'CREATE DATABASE "{target.name}" OWNER "{target.host}" TEMPLATE template0 {here}'
    ]


def _spelled_alike(locale: str) -> str:
    """`en_US.UTF-8` and `en_US.utf8` are one."""
    return locale.replace("-", "").lower()


def _tables(pair: Pair) -> list[str]:
    if not pair.tables:
        return ["The plan names no tables of it. List them under `tables`."]
    columns, keys = {}, {}
    for database in pair.both():
        with database.session() as connection:
            found: dict[str, dict[str, str]] = {}
            for row in rows(connection, statements.COLUMNS, [list(pair.tables)]):
                found.setdefault(row["table"], {})[row["column"]] = row["type"]
            columns[database.host] = found
            listed = rows(connection, statements.PRIMARY_KEYS, [list(pair.tables)])
            keys[database.host] = {row["table"]: row["columns"] for row in listed}
    here, there = pair.source.host, pair.target.host
    problems = []
    for name in pair.tables:
        mine, theirs = columns[here].get(name), columns[there].get(name)
        if mine is None or theirs is None:
            where = here if mine is None else there
            problems.append(f"{where} has no table {name}. Run its migrations (`prepare`).")
            continue
        if mine != theirs:
            differing = sorted(c for c in mine.keys() | theirs.keys() if mine.get(c) != theirs.get(c))
            problems.append(
                f"{name}: {', '.join(differing)} differ between {here} and {there}. Bring both to the same "
                "migration."
            )
        if name not in keys[here] or keys[here].get(name) != keys[there].get(name):
            problems.append(f"{name}: both sides need the same primary key, by which changes find their row.")
    return problems


def _rules(pair: Pair) -> list[str]:
    """What the one accepts the other is to accept too: it is brought by replication, or written after the
    cutover. Foreign keys are not compared: those that cross the domain's border differ."""
    tables = {"tables": list(pair.tables)}
    here, there = (
        {(row["table"], row["rule"]) for row in database.rows(statements.RULES, tables)}
        for database in pair.both()
    )
    return [
        f"{name}: {rule} holds in {host} only. Bring both to the same migration."
        for host, only in ((pair.source.host, here - there), (pair.target.host, there - here))
        for name, rule in sorted(only)
    ]


def _unfit(pair: Pair, database: Database) -> list[str]:
    """Either side is followed: the source up to the cutover, then the target."""
    return [
        f"{row['table']} in {database.host}: {why.format(**row)}"
        for row in database.rows(statements.UNFIT, [list(pair.tables)])
        for reason, why in UNFIT.items()
        if row[reason]
    ]


def _sequences(pair: Pair) -> list[str]:
    """A sequence is set past the former owner's only as the column's own, and on both sides."""
    problems, owned = [], {}
    for database in pair.both():
        with database.session() as connection:
            stray = rows(connection, statements.STRAY_SEQUENCES, [list(pair.tables)])
            own = rows(connection, statements.SEQUENCES, [list(pair.tables)])
        owned[database.host] = {(row["table"], row["column"]) for row in own}
        problems += [
            f"{row['table']}.{row['column']} takes its values by {row['default']} in {database.host}, from a "
            "sequence that is not its own and so would not be set past the ids given out. Make it so: ALTER "
            f"SEQUENCE … OWNED BY {row['quoted']}."
            for row in stray
        ]
    here, there = pair.source.host, pair.target.host
    if not problems:
        problems += [
            f"{name}.{column} has a sequence of its own in one of {here} and {there} only. Bring both to the "
            "same migration."
            for name, column in sorted(owned[here] ^ owned[there])
        ]
    return problems or _positions(pair)


def _positions(pair: Pair) -> list[str]:
    """Each can be set ahead by a cutover, and by the rollback after it."""
    with pair.source.session() as source, pair.target.session() as target:
        twins = sequences.twins(source, target, pair.tables)
        following = sequences.following(source, [pair.giver for pair in twins])
    problems = []
    for one in twins:
        number = following[one.giver.oid]
        if one.giver.step != one.taker.step:
            problems.append(
                f"{one.column}: its sequence counts by {one.giver.step} in {pair.source.host} and by "
                f"{one.taker.step} in {pair.target.host}. Bring both to the same by ALTER SEQUENCE."
            )
        elif not all(side.has(one.ahead(number, times=2)) for side in (one.giver, one.taker)):
            problems.append(
                f"{one.column}: its sequence is at {number} in {pair.source.host}, and has no room to be set "
                f"{sequences.MARGIN} steps ahead by a cutover and again by a rollback. {sequences.MORE_ROOM}"
            )
    return problems


def _references(pair: Pair) -> list[str]:
    """Replication does not look at foreign keys of the target; the first write after the cutover would."""
    found = pair.target.rows(statements.LEAVING, {"tables": list(pair.tables)})
    return [
        f"{row['table']} refers to a table that does not move, by {row['name']} in {pair.target.host}: "
        f"{row['definition']}. What is written there after the cutover would be refused. Drop the constraint "
        "there, or make the column a reference of the chassis."
        for row in found
    ]
