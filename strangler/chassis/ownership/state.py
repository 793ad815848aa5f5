"""What this process knows of who owns what: dictionaries, read for every call of a port."""

import logging
import os
import re
import threading
from functools import cache

import msgspec

from strangler.chassis.errors import ChassisError

log = logging.getLogger(__name__)


NAME = re.compile(r"[\w-]+")


class RpcHostsWrong(ChassisError):
    """RPC_HOSTS does not say which host has which domain."""


class Owner(msgspec.Struct, frozen=True):
    """A domain's owner since `epoch`; `here` is whether that is this host."""

    host: str
    epoch: int
    here: bool


class Shadowing(msgspec.Struct, frozen=True):
    """A share of a domain's reads is compared with the answers of `peer`, which follows by the replication
    slot `slot` of this host's database server."""

    peer: str
    share: float
    slot: str


_hosted: set[str] = set()
_owners: dict[str, Owner] = {}
_shadowing: dict[str, Shadowing] = {}
_lock = threading.Lock()


def host() -> str:
    """The name of the host that this process belongs to."""
    return os.environ.get("SERVICE", "host")


def hosting(domain: str) -> None:
    """Say that this process runs the domain's code: while nobody tells otherwise, it is owned here."""
    _hosted.add(domain)


def by_environment(domain: str) -> str:
    """An extracted domain's host is named after it, unless RPC_HOSTS says otherwise."""
    return rpc_hosts(os.environ.get("RPC_HOSTS", "")).get(domain, domain)


@cache
def rpc_hosts(text: str) -> dict[str, str]:
    """Hosts by domain, of pairs with blanks between them: `accounts=origin orders=origin`."""
    pairs = [entry.partition("=")[::2] for entry in text.split()]
    if not all(NAME.fullmatch(name) for pair in pairs for name in pair) or len(dict(pairs)) < len(pairs):
        raise RpcHostsWrong(
            f"RPC_HOSTS is {text!r}: say once for each domain which host has it, with blanks between them: "
            "books=library lending=library"
        )
    return dict(pairs)


def owner_of(domain: str) -> str:
    """The host that owns the domain."""
    known = _owners.get(domain)
    if known is not None:
        return known.host
    return host() if domain in _hosted else by_environment(domain)


def owned_here(domain: str) -> bool:
    """Whether this process runs the domain's code and its host owns the domain."""
    known = _owners.get(domain)
    return domain in _hosted and (known is None or known.here)


def moved_away(domain: str) -> bool:
    """Whether a domain that runs here is known to be another host's: one look into a dictionary."""
    known = _owners.get(domain)
    return known is not None and not known.here


def epoch_of(domain: str) -> int:
    """The epoch of what is known of the domain; it grows with each change of owner. 0: nothing was heard."""
    known = _owners.get(domain)
    return 0 if known is None else known.epoch


def learn(domain: str, owner: str, epoch: int) -> None:
    """Take note of an owner, unless what is known is as new."""
    with _lock:
        known = _owners.get(domain)
        if known is not None and epoch <= known.epoch:
            return
        _owners[domain] = Owner(host=owner, epoch=epoch, here=owner == host())
    if known is None or known.host != owner:
        log.info("%s is %s's since epoch %d", domain, owner, epoch)


def forget(domain: str) -> None:
    """Know nothing of the domain: its move is over or was called off, and epochs may begin anew."""
    with _lock:
        _owners.pop(domain, None)
        _shadowing.pop(domain, None)


def shadow(domain: str, how: Shadowing | None) -> None:
    """Compare a share of the domain's reads, or none."""
    if how is None or not how.peer or how.share <= 0:
        _shadowing.pop(domain, None)
    else:
        _shadowing[domain] = how


def shadowing(domain: str) -> Shadowing | None:
    """How this process's reads of the domain are to be compared; None unless it is owned here."""
    return _shadowing.get(domain) if _shadowing and owned_here(domain) else None


def any_shadowing() -> bool:
    """Whether anything may be compared at all."""
    return bool(_shadowing)
