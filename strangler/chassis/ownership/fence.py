"""The fence as this host's code meets it: its refusals, and taking hold of a domain on purpose."""

from typing import Any

import msgspec

from strangler.chassis.errors import ChassisError, DomainUnavailable
from strangler.chassis.ownership import state
from strangler.chassis.ownership.schema import MOVED

PRESENT = "SELECT to_regclass('strangler.ownership') IS NOT NULL"
KNOWN = "SELECT domain, owner, epoch FROM strangler.ownership"


class DomainMoved(ChassisError):
    """A domain was to be changed by a host that does not own it any more; nothing was changed.

    Whoever gets it lets its transaction end and asks the owner, or does the whole again.
    """

    def __init__(self, domain: str, owner: str, epoch: int) -> None:
        super().__init__(f"{domain} has moved to {owner} (epoch {epoch})")
        self.domain, self.owner, self.epoch = domain, owner, epoch


class NotHeld(ChassisError):
    """`hold` was called outside a transaction, where it would hold nothing."""


def moved(error: BaseException) -> DomainMoved | None:
    """The fence's refusal that this error is or was caused by, if any. A port that gave up is none: it has
    asked where the domain is for as long as it may, and its command may have had its effect."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, DomainUnavailable):
        if isinstance(cause, DomainMoved):
            return cause
        if getattr(cause, "sqlstate", None) == MOVED:
            said = msgspec.json.decode(cause.diag.message_detail, type=_Detail)  # type: ignore[attr-defined]
            return DomainMoved(said.domain, said.owner, said.epoch)
        cause = cause.__cause__
    return None


class _Detail(msgspec.Struct):
    domain: str
    owner: str
    epoch: int


def hold(domain: str) -> None:
    """Keep the domain here until the current transaction ends; raises DomainMoved if it is not owned here.

    For code that does something outside the database for a domain, such as sending a mail: writes to its
    tables hold it by themselves. Where no domain has begun to move it does nothing.
    """
    from django.db import DatabaseError, connection

    if not connection.in_atomic_block:
        raise NotHeld(f"{domain}: hold it inside `transaction.atomic()`.")
    with connection.cursor() as cursor:
        if not _present(cursor):
            return
        try:
            cursor.execute("SELECT strangler.hold(%s)", [domain])
        except DatabaseError as error:
            refusal = moved(error)
            if refusal is None:
                raise
            state.learn(domain, refusal.owner, refusal.epoch)
            raise refusal from error


def in_transaction() -> bool:
    """Whether the caller's transaction is open, so that what failed in it cannot be done again alone."""
    from django.db import connection

    return connection.in_atomic_block


def adopt(domain: str, epoch: int) -> bool:
    """Whether the domain is owned here, as its former owner says that it is since `epoch`.

    The command that moves it may have been killed between telling the one database and the other; the
    former owner's word is enough, because it was given under the fence. What this process knows already its
    database may not.
    """
    from django.db import connection

    with connection.cursor() as cursor:
        if _present(cursor):
            cursor.execute("SELECT strangler.adopt(%s, %s)", [domain, epoch])
            read(cursor)
    return state.owned_here(domain)


def read(cursor: Any) -> None:
    """Learn what the database says."""
    if _present(cursor):
        cursor.execute(KNOWN)
        for domain, owner, epoch in cursor.fetchall():
            state.learn(domain, owner, epoch)


def _present(cursor: Any) -> bool:
    cursor.execute(PRESENT)
    return bool(cursor.fetchone()[0])
