"""A step at work: what the phases' effects are given."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strangler.toolkit.consul import KeyValues
from strangler.toolkit.plan import Plan
from strangler.toolkit.replication.ownership import ownership
from strangler.toolkit.replication.pair import Pair
from strangler.toolkit.step import state as states
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.lock import Lock
from strangler.toolkit.step.places import Places
from strangler.toolkit.step.screen import Screen
from strangler.toolkit.step.state import Domain, State


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a step is carried out. `shadow`: the share of queries compared; `windows`: percent of the reads
    that go to the new host, one window after the other; times are in seconds."""

    connections: int = 4
    shadow: float = 1.0
    shadow_seconds: float = 60.0
    comparisons: int = 100
    windows: tuple[int, ...] = (1, 10, 50, 100)
    window_seconds: float = 15.0
    sample: int = 100
    accept_inconclusive: bool = False
    restarted: bool = False
    without_way_back: bool = False
    accept_differing: bool = False
    bound: float = 2.0
    tries: int = 10
    patience: float = 60.0


@dataclass
class Step:
    """A domain's way from `state.source` to `state.target`; without the lock, only to be looked at."""

    plan: Plan
    root: Path
    places: Places
    store: KeyValues
    state: State
    pair: Pair
    screen: Screen = field(default_factory=Screen)
    options: Options = field(default_factory=Options)
    lock: Lock | None = None

    @property
    def held(self) -> Lock:
        """The lock, without which nothing is changed."""
        assert self.lock is not None
        return self.lock

    @property
    def domain(self) -> str:
        return self.state.domain

    def owner(self) -> str:
        """Who owns the domain, as the database with the later word says. While none says any: the source, and
        the target once the databases were told to forget, at the contract's end."""
        known = [ownership(database, self.domain) for database in self.pair.both()]
        found = [one for one in known if one]
        if found:
            return max(found, key=lambda one: one.epoch).owner
        return self.state.target if self.state.phase == "contract" else self.state.source

    def epoch(self) -> int:
        """The latest epoch that anybody knows."""
        known = [ownership(database, self.domain) for database in self.pair.both()]
        epochs = [found.epoch for found in known if found]
        told = states.told(self.store, self.domain)
        return max([*epochs, told.epoch if told else 0])

    def check_tables(self) -> None:
        """Raise StepError where the plan names other tables than move already."""
        moving, planned = set(self.state.tables), set(self.plan.domains[self.domain].tables)
        if moving and moving != planned:
            anew = ", or give the step up (`./run strangler rollback --abort`) and begin anew"
            raise StepError(
                f"The plan names other tables than {self.domain} began to move with, by "
                f"{', '.join(sorted(moving ^ planned))}. Restore its `tables`"
                f"{'' if self.state.phase == 'contract' else anew}."
            )

    def siblings(self) -> dict[str, State | None]:
        """Where the other moves of the same stage stand; None: not begun."""
        known = states.load_all(self.store)
        moves = next((s.moves for s in self.plan.stages if s.number == self.state.stage), ())
        return {domain: known.get(domain) for domain in moves if domain != self.domain}

    def measured(self, phase: str, **figures: Any) -> None:
        """Remember figures of a phase."""
        self.state.figures.setdefault(phase, {}).update(figures)

    def tell(self, *, shadow: float = 0.0) -> None:
        """Tell the processes who owns the domain; with `shadow`, whose answers they compare."""
        owner = self.owner()
        link = self.pair.forward if owner == self.state.source else self.pair.back
        told = Domain(
            owner=owner,
            epoch=self.epoch(),
            peer=link.subscriber.host if shadow else "",
            shadow=shadow,
            slot=link.name if shadow else "",
        )
        self.held.transaction(states.tell(self.domain, told))


def begin(plan: Plan, root: Path, places: Places, *, domain: str, stage: int, screen: Screen) -> Step:
    """The domain's step as it stands, or a new one."""
    store = places.store
    known = states.load(store, domain)
    target = plan.host_of(domain, stage=stage)
    state = known or State(
        domain=domain, stage=stage, source=plan.host_of(domain, stage=stage - 1), target=target
    )
    source = places.database(state.source)
    tables = state.tables or tuple(plan.domains[domain].tables)
    pair = Pair(domain, tables, source, places.database(target))
    if known is not None:  # else the target's tables need not be there yet
        pair = pair.with_claims()
    return Step(plan, root, places, store, state, pair, screen=screen)
