"""A call on its way, and what its mark allows it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strangler.chassis.ports import Kind, Method

SECONDS: dict[Kind, float] = {"query": 3.0, "command": 8.0}
"""How long a caller waits for an answer, repeats and pauses included."""

ATTEMPTS: dict[Kind, int] = {"query": 3, "command": 2}


@dataclass(frozen=True)
class Call:
    """A call of a domain's method at `host`.

    `follows`: it is meant for whoever owns the domain, and `hops` says how often it was sent on. `shadow`: it
    is made to be compared, and only this host's own answer will do.
    """

    host: str
    domain: str
    method: Method
    arguments: dict[str, Any]
    follows: bool = False
    hops: int = 0
    shadow: bool = False

    @property
    def place(self) -> str:
        """What policies keep count by: a host that is only tried out must not stop calls of the owner."""
        return f"{self.host}.{self.domain}"


Proceed = Callable[[Call], Any]
Policy = Callable[[Call, Proceed], Any]
