"""Where a step stands, kept in Consul: `strangler/steps/<domain>`; and what the processes are told,
`strangler/domains/<domain>`."""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from strangler.toolkit.consul import ConsulError, KeyValues, delete, write

Phase = Literal["", "expand", "shadow", "canary", "cutover", "soak", "contract"]
PHASES: tuple[Phase, ...] = ("expand", "shadow", "canary", "cutover", "soak", "contract")
STEPS, DOMAINS = "strangler/steps", "strangler/domains"
HURRY_SECONDS = 0.25


class State(msgspec.Struct, kw_only=True):
    """A step. `effect` is what was last begun in `phase`; `done`: all of the phase's effects are.

    `tables` are those that move, since expand has found them ready; `figures` are what was measured, by
    phase.
    """

    domain: str
    stage: int
    source: str
    target: str
    phase: Phase = ""
    effect: str = ""
    done: bool = False
    undoing: bool = False
    since: str = ""
    tables: tuple[str, ...] = ()
    figures: dict[str, Any] = {}

    def reached(self, phase: Phase) -> bool:
        """Whether all of this phase is done."""
        if self.phase == "":
            return False
        stands, asked = PHASES.index(self.phase), PHASES.index(phase)
        return stands > asked or (stands == asked and self.done)


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """What every process hears of a domain. `peer`: whose answers are compared, for a `shadow` share of the
    queries; `slot`: by which it follows the owner."""

    owner: str
    epoch: int
    peer: str = ""
    shadow: float = 0.0
    slot: str = ""


def now() -> str:
    """The time, as it is stored."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def load(store: KeyValues, domain: str) -> State | None:
    """The domain's step; None if there is none."""
    value = store.folder(f"{STEPS}/{domain}").get(f"{STEPS}/{domain}")
    return msgspec.json.decode(value, type=State) if value else None


def load_all(store: KeyValues) -> dict[str, State]:
    """Every step by its domain."""
    found = store.folder(f"{STEPS}/")
    return {
        key.removeprefix(f"{STEPS}/"): msgspec.json.decode(text, type=State) for key, text in found.items()
    }


def save(state: State) -> list[dict[str, Any]]:
    """The operations that remember where the step stands."""
    return [write(f"{STEPS}/{state.domain}", msgspec.json.encode(state).decode())]


def clear(domain: str) -> list[dict[str, Any]]:
    """Those that forget the step."""
    return [delete(f"{STEPS}/{domain}")]


def told(store: KeyValues, domain: str) -> Domain | None:
    """What the processes were told last."""
    value = store.folder(f"{DOMAINS}/{domain}").get(f"{DOMAINS}/{domain}")
    return msgspec.json.decode(value, type=Domain) if value else None


def tell(domain: str, told: Domain) -> list[dict[str, Any]]:
    """The operations that tell them."""
    return [write(f"{DOMAINS}/{domain}", msgspec.json.encode(told).decode())]


def tell_in_a_hurry(store: KeyValues, domain: str, told: Domain) -> None:
    """Tell them while writers wait: if Consul does not take it at once, never mind; it is told again, and
    the database's word is the truth."""
    operations = [{"KV": operation} for operation in tell(domain, told)]
    try:
        store.ask("PUT", "/v1/txn", json=operations, timeout=HURRY_SECONDS)
    except ConsulError:
        return
