"""What a comparison found, for people and for scripts: `parity.json`, `parity.html`, and a summary line."""

from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from strangler.toolkit.parity import text
from strangler.toolkit.parity.html import page
from strangler.toolkit.parity.journey import Exchange, Finding
from strangler.toolkit.parity.rules import Rules


class Step(msgspec.Struct, kw_only=True):
    """A call of a finding, the status that either system gave, and how often it was asked for."""

    curl: str
    reference: int
    candidate: int
    attempts: int = 1


class Reported(msgspec.Struct, kw_only=True):
    """A finding: the calls that lead to it and what differs in the last one's answers."""

    name: str
    steps: list[Step]
    differences: list[dict[str, Any]]
    reference: str
    candidate: str
    shrunk_from: int | None = None
    reproducible: bool = True


class Ran(msgspec.Struct, kw_only=True):
    """A hand-written journey."""

    name: str
    calls: int
    seconds: float
    finding: Reported | None = None


class Generated(msgspec.Struct, kw_only=True):
    """The generated sequences."""

    seed: int
    length: int
    asked: int
    sequences: int
    replays: int
    calls: int
    seconds: float
    finding: Reported | None = None


class Effect(msgspec.Struct, kw_only=True):
    """How long something that may come later took, in seconds, and how many calls were made meanwhile."""

    route: str
    times: int
    attempts: int
    reference_median: float
    reference_longest: float
    candidate_median: float
    candidate_longest: float


class Report(msgspec.Struct, kw_only=True):
    """One comparison of a candidate with the reference."""

    reference: str
    candidate: str
    equal: bool
    calls: int
    seconds: float
    journeys: list[Ran]
    generated: Generated | None
    effects: list[Effect]
    coverage: dict[str, dict[str, int]]
    latency: dict[str, dict[str, float]]

    def write(self, directory: Path) -> Path:
        """Write both files; returns the page's path."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "parity.json").write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2))
        target = directory / "parity.html"
        target.write_text(page(msgspec.to_builtins(self)), encoding="utf-8")
        return target

    def findings(self) -> list[Reported]:
        found = [ran.finding for ran in self.journeys]
        found.append(self.generated.finding if self.generated else None)
        return [each for each in found if each is not None]


class Observed:
    """Counts what was called and answered, and how long effects took, while a comparison runs."""

    def __init__(self, rules: Rules) -> None:
        self.calls = 0
        self._rules = rules
        self._coverage: dict[str, Counter[str]] = {}
        self._seconds: tuple[list[float], list[float]] = ([], [])
        self._waits: dict[str, list[tuple[float, float]]] = {}
        self._attempts: Counter[str] = Counter()

    def watch(self, exchange: Exchange) -> None:
        self.calls += 1
        route = f"{exchange.call.method} {self._rules.route(exchange.call.path)}"
        self._coverage.setdefault(route, Counter())[str(exchange.reference.status)] += 1
        for seconds, answer in zip(self._seconds, (exchange.reference, exchange.candidate), strict=True):
            seconds.append(answer.seconds)
        if exchange.waited:
            self._waits.setdefault(route, []).append(exchange.waited)
            self._attempts[route] += exchange.attempts

    @property
    def coverage(self) -> dict[str, dict[str, int]]:
        return {route: dict(sorted(found.items())) for route, found in sorted(self._coverage.items())}

    @property
    def latency(self) -> dict[str, dict[str, float]]:
        """Milliseconds of a call at the median and the 99th percentile, for either system."""
        return {
            name: {"p50_ms": _percentile(seconds, 0.5) * 1000, "p99_ms": _percentile(seconds, 0.99) * 1000}
            for name, seconds in zip(("reference", "candidate"), self._seconds, strict=True)
            if seconds
        }

    @property
    def effects(self) -> list[Effect]:
        return [_effect(route, waits, self._attempts[route]) for route, waits in sorted(self._waits.items())]


def reported(
    finding: Finding, *, name: str, first: Finding | None = None, reproducible: bool = True
) -> Reported:
    """A finding as the report tells it. `first`: the finding before it was shrunk."""
    reference, candidate = text.last(finding)
    return Reported(
        name=name,
        steps=[
            Step(
                curl=exchange.call.curl(),
                reference=exchange.reference.status,
                candidate=exchange.candidate.status,
                attempts=exchange.attempts,
            )
            for exchange in finding.exchanges
        ],
        differences=[msgspec.to_builtins(difference, enc_hook=str) for difference in finding.differences],
        reference=reference,
        candidate=candidate,
        shrunk_from=len(first.exchanges) if first else None,
        reproducible=reproducible,
    )


def _effect(route: str, waits: list[tuple[float, float]], attempts: int) -> Effect:
    here, there = ([wait[side] for wait in waits] for side in (0, 1))
    return Effect(
        route=route,
        times=len(waits),
        attempts=attempts,
        reference_median=median(here),
        reference_longest=max(here),
        candidate_median=median(there),
        candidate_longest=max(there),
    )


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
