"""Splits: a moving domain's reads divided between its old host and its new one, its writes to the owner.

    splits.set(store, "catalog", Split(old="monolith", new="catalog", reads_to_new=10, writes_to="monolith"))
    routing.route(store, plan, stage=2, traefik_url=…)

A split lies in Consul's key-value store until it is cleared; whoever writes the gateway's routes honours it.
Weighted round robin, one draw a request (canary release: Sato, 2014).
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from strangler.toolkit.consul import KeyValues, delete, write
from strangler.toolkit.errors import ToolkitError

ROOT = "strangler/gateway"


class SplitInvalid(ToolkitError):
    """A split names a host that is none of its two, or is stored in a form that cannot be read."""


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers a domain's requests: `reads_to_new` in percent, the rest of the reads and none of the
    writes go to the other."""

    old: str
    new: str
    reads_to_new: Annotated[int, Meta(ge=0, le=100)] = 0
    writes_to: str

    @property
    def weights(self) -> dict[str, int]:
        """Percent of the reads by host. A host without any is left out: Traefik fails a weighted service as a
        whole when one of its members is not there."""
        shares = {self.old: 100 - self.reads_to_new, self.new: self.reads_to_new}
        return {host: share for host, share in shares.items() if share}


def set(store: KeyValues, domain: str, split: Split) -> None:
    """Note the domain's split; the routes follow when they are written next."""
    if split.writes_to not in (split.old, split.new):
        raise SplitInvalid(
            f"{domain}: writes go to {split.writes_to!r}, which is neither {split.old!r} nor {split.new!r}."
        )
    if split.old == split.new:
        raise SplitInvalid(f"{domain}: old and new host are both {split.old!r}.")
    checked = _read(domain, msgspec.json.encode(split).decode())
    store.transaction([write(f"{ROOT}/{domain}", msgspec.json.encode(checked).decode())])


def clear(store: KeyValues, domain: str) -> None:
    """Forget the domain's split: its requests go where the stage says."""
    store.transaction([delete(f"{ROOT}/{domain}")])


def stored(store: KeyValues) -> dict[str, Split]:
    """The splits that hold now, by domain."""
    entries = store.folder(f"{ROOT}/")
    domains = {key.removeprefix(f"{ROOT}/"): value for key, value in entries.items()}
    return {domain: _read(domain, value) for domain, value in sorted(domains.items())}


def _read(domain: str, text: str) -> Split:
    try:
        return msgspec.json.decode(text, type=Split)
    except msgspec.MsgspecError as error:
        raise SplitInvalid(
            f"The split of {domain} in Consul ({ROOT}/{domain}) cannot be read: {error}. Delete the key, or "
            "carry the step on: `./run strangler migrate` sets it again."
        ) from error
