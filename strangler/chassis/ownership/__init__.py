"""Ownership: whose database holds a domain's truth now, and the fence that lets nobody else write to it.

    owner_of("catalog")      the host to ask
    owned_here("catalog")    whether that is this one
    hold("catalog")          within a transaction: nobody takes the domain away before it ends

Every process keeps what it knows in a dictionary and hears of changes from its database at the start, from
Consul while it runs, and from whoever refuses it; what has the later epoch is true. What a process does not
know yet it cannot spoil, because the fence in the database decides (`schema`).
"""

from strangler.chassis.ownership.fence import DomainMoved, adopt, hold, in_transaction, moved
from strangler.chassis.ownership.state import (
    Shadowing,
    any_shadowing,
    by_environment,
    epoch_of,
    forget,
    host,
    hosting,
    learn,
    moved_away,
    owned_here,
    owner_of,
    rpc_hosts,
    shadow,
    shadowing,
)

__all__ = [
    "DomainMoved",
    "Shadowing",
    "adopt",
    "any_shadowing",
    "by_environment",
    "epoch_of",
    "forget",
    "hold",
    "host",
    "hosting",
    "in_transaction",
    "learn",
    "moved",
    "moved_away",
    "owned_here",
    "owner_of",
    "rpc_hosts",
    "shadow",
    "shadowing",
]
