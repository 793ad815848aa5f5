"""One database following another: publication, slot and subscription, each made and unmade by hand.

`CREATE SUBSCRIPTION` would create its slot itself, and wait for itself where both databases are on one
server. And a slot must outlive or precede its subscription in a cutover. Every function here may be called
again: it looks at what is there.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import errors, sql

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import (
    Connection,
    Database,
    Row,
    listed,
    rows,
    run,
    table,
    tables,
    value,
)
from strangler.toolkit.replication.errors import Busy, NotHealthy, NotReady

POLL_SECONDS = 0.02
SLOT_SECONDS = 60.0
RELEASE_SECONDS = 20.0
FILTERS_ORIGINS = 160000


@dataclass(frozen=True)
class Link:
    """`subscriber` follows `publisher`; slot, subscription and login role have the link's name."""

    name: str
    publications: tuple[str, ...]
    publisher: Database
    subscriber: Database


@dataclass(frozen=True)
class Health:
    """How a link stands. `lag` is in bytes of write-ahead log; None without a slot."""

    slot: bool
    subscribed: bool
    enabled: bool
    running: bool
    errors: int
    lag: int | None
    lost: bool = False

    @property
    def follows(self) -> bool:
        """Whether changes arrive now."""
        return self.slot and self.enabled and self.running and not self.lost


def publish(link: Link, *, published: Sequence[str], claims: str, domain: str) -> None:
    """Say what the follower gets: the domain's tables, and its rows of the claims' table where there is one.
    Raises NotReady where that is said otherwise already."""
    with link.publisher.session() as connection:
        if not _published(connection, link.publications[0], published):
            name = sql.Identifier(link.publications[0])
            run(connection, statements.PUBLISH, name=name, tables=tables(published))
        if claims and not _published(connection, link.publications[1], [claims]):
            run(
                connection,
                statements.PUBLISH_CLAIMS,
                name=sql.Identifier(link.publications[1]),
                table=table(claims),
                domain=sql.Literal(domain),
            )


def _published(connection: Connection, name: str, wanted: Sequence[str]) -> bool:
    found = value(connection, statements.PUBLISHED, [name])
    if found is not None and set(found) != set(wanted):
        raise NotReady(
            f"The publication {name} has {', '.join(sorted(found)) or 'no table'} and should have "
            f"{', '.join(sorted(wanted))}: a follower would not get the right rows. "
            "`./run strangler rollback --abort` takes it away, and `migrate` makes it anew."
        )
    return found is not None


def unpublish(database: Database, names: Sequence[str]) -> None:
    """Take it back."""
    for name in names:
        database.run(statements.UNPUBLISH, name=sql.Identifier(name))


def slot_exists(link: Link) -> bool:
    """Whether the publisher keeps a place for the follower."""
    return bool(link.publisher.rows(statements.SLOT, [link.name]))


def check_free(link: Link) -> None:
    """Raise NotReady where the link's name is another database's: slots and roles are the whole server's."""
    if found := link.publisher.rows(statements.SLOT_ELSEWHERE, [link.name]):
        raise NotReady(
            f"The slot {link.name} on the server of {link.publisher.host} belongs to the database "
            f"{found[0]['database']}: another step of that name is under way there, and a server takes one "
            "at a time. Wait until that one has moved for good, or give it up by the plan that it is of."
        )


def create_slot(link: Link) -> None:
    """Create the slot, which waits for every transaction under way on the server: never inside a fence."""
    if slot_exists(link):
        return
    check_free(link)
    with link.publisher.session() as connection:
        connection.execute(statements.STATEMENT_TIMEOUT, [f"{SLOT_SECONDS:.0f}s"])
        try:
            connection.execute(statements.CREATE_SLOT, [link.name])
        except errors.QueryCanceled as error:
            raise Busy(too_long(link.publisher, link.name)) from error


def too_long(database: Database, slot: str) -> str:
    """Why a slot could not be created in time."""
    found = database.rows(statements.OLDEST_TRANSACTION)
    who = (
        f" The oldest is process {found[0]['pid']} ({found[0]['role']}, {found[0]['application_name']}) in "
        f"{found[0]['datname']}, since {found[0]['xact_start']:%H:%M:%S}: {found[0]['query']}"
        if found
        else ""
    )
    return (
        f"The slot {slot} waits for the transactions under way on the server of {database.host}, for more "
        f"than {SLOT_SECONDS:.0f} s.{who} End it, and run the command again."
    )


def drop_slot(link: Link) -> None:
    """Drop the slot, ending who still reads from it."""

    def dropped() -> bool:
        with link.publisher.session() as connection:
            try:
                connection.execute(statements.END_SENDER, [link.name])
                connection.execute(statements.DROP_SLOT, [link.name])
            except (errors.ObjectInUse, errors.UndefinedObject):
                pass  # still being let go, or gone in between: looked at next
            return not rows(connection, statements.SLOT, [link.name])

    until(dropped, seconds=RELEASE_SECONDS, otherwise=f"The slot {link.name} is still in use.")


def subscribe(link: Link) -> None:
    """Create the subscription, not yet enabled, with a login role of its own."""
    if subscription(link):
        return
    address = _login(link)
    with link.subscriber.session() as connection:
        # Since PostgreSQL 16: what was itself applied by replication is not sent on.
        origin = ", origin = none" if connection.info.server_version >= FILTERS_ORIGINS else ""
        run(
            connection,
            statements.SUBSCRIBE,
            name=sql.Identifier(link.name),
            address=sql.Literal(address),
            publications=listed(link.publications),
            slot=sql.Literal(link.name),
            origin=sql.SQL(origin),
        )


def unsubscribe(link: Link) -> None:
    """Drop the subscription and its role; the slot stays."""
    with link.subscriber.session() as connection:
        name = sql.Identifier(link.name)
        if found := rows(connection, statements.SUBSCRIPTION, [link.name]):
            run(connection, statements.DISABLE, name=name)
            if found[0]["slot"] is not None:
                run(connection, statements.DETACH, name=name)
            run(connection, statements.UNSUBSCRIBE, name=name)
    with link.publisher.session() as connection:
        if value(connection, statements.CONNECTS_HERE, [link.name]):
            name, database = sql.Identifier(link.name), sql.Identifier(link.publisher.name)
            with connection.transaction():
                run(connection, statements.MAY_NOT_CONNECT, name=name, database=database)
                run(connection, statements.DROP_ROLE, name=name)


def drop(link: Link) -> None:
    """Subscription, role and slot, in the order in which nothing hangs."""
    unsubscribe(link)
    drop_slot(link)


def enable(link: Link) -> None:
    """Let changes flow. Enabling also ends the server's pause after an error."""
    link.subscriber.run(statements.ENABLE, name=sql.Identifier(link.name))


def subscription(link: Link) -> Row | None:
    """The subscription as PostgreSQL knows it; None if there is none."""
    found = link.subscriber.rows(statements.SUBSCRIPTION, [link.name])
    return found[0] if found else None


def health(link: Link) -> Health:
    """How the link stands now."""
    slot = link.publisher.rows(statements.SLOT, [link.name])
    found = subscription(link)
    lag = link.publisher.rows(statements.LAG, [link.name])
    return Health(
        slot=bool(slot),
        subscribed=found is not None,
        enabled=bool(found and found["enabled"]),
        running=bool(found and found["running"]),
        errors=int(found["errors"]) if found else 0,
        lag=next(iter(lag[0].values())) if lag else None,
        lost=bool(slot and slot[0]["wal_status"] == "lost"),
    )


def catch_up(link: Link, *, seconds: float) -> float:
    """Wait until the follower has everything that is written by now: in how many seconds.

    Raises NotHealthy."""
    started = time.monotonic()
    with link.publisher.connect() as here, link.subscriber.connect() as there:
        wanted = str(value(here, statements.POSITION))
        until(
            lambda: confirmed(link, here, there, wanted),
            seconds=seconds,
            otherwise=lambda: (
                f"{link.subscriber.host} did not catch up with {link.publisher.host} within "
                f"{seconds:.0f} s: {diagnosis(link)}"
            ),
        )
    return time.monotonic() - started


def confirmed(link: Link, here: Connection, there: Connection, wanted: str) -> bool:
    """Whether the follower has applied and kept everything up to `wanted`.

    It says so when it hears something and has flushed what it applied, at the latest by its server's writer:
    so both logs are given a nudge, and it says so at once."""
    there.execute(statements.NUDGE)
    here.execute(statements.NUDGE)
    return bool(value(here, statements.CONFIRMED, [wanted, link.name]))


def diagnosis(link: Link) -> str:
    """Why a link may not follow, in words."""
    state = health(link)
    reasons = {
        f"its slot {link.name} is gone from the server of {link.publisher.host}": not state.slot,
        f"its slot {link.name} fell so far behind that the log it needs was removed": state.lost,
        f"there is no subscription {link.name} in {link.subscriber.host}": not state.subscribed,
        "its subscription is disabled": state.subscribed and not state.enabled,
        f"applying a change failed {state.errors} times; the log of its server says which": state.errors > 0,
        "no worker applies changes": state.enabled and not state.running,
    }
    found = [reason for reason, holds in reasons.items() if holds]
    return "; ".join(found) or f"it lags {state.lag} bytes behind"


def until(
    condition: Callable[[], Any], *, seconds: float, otherwise: str | Callable[[], str], poll: float = 0.0
) -> None:
    """Return once the condition holds; raises NotHealthy, which says `otherwise`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NotHealthy(otherwise if isinstance(otherwise, str) else otherwise())
        time.sleep(poll or POLL_SECONDS)


def _login(link: Link) -> str:
    """A role that may do nothing but follow, its password drawn anew; the address with both."""
    password = secrets.token_urlsafe(24)
    name, database = sql.Identifier(link.name), sql.Identifier(link.publisher.name)
    with link.publisher.session() as connection, connection.transaction():
        exists = value(connection, statements.ROLE_EXISTS, [link.name])
        statement = statements.CHANGE_PASSWORD if exists else statements.CREATE_ROLE
        run(connection, statement, name=name, password=sql.Literal(password))
        run(connection, statements.MAY_CONNECT, name=name, database=database)
    return link.publisher.address(user=link.name, password=password)
