"""Sequences of calls drawn by Hypothesis, replayed against both systems, shrunk where they differ."""

import time
from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase

from strangler.toolkit.parity.journey import Both, Exchange, Finding, Journey, outcome
from strangler.toolkit.parity.suite import Suite

Progress = Callable[[int, str], None]
"""Told after each replay how many sequences are done, and `comparing` or `shrinking`."""


class Exploration:
    """What came of it. `replays` counts the shrinking too; `first` is the finding before it was shrunk."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.sequences = 0
        self.replays = 0
        self.calls = 0
        self.seconds = 0.0
        self.finding: Finding | None = None
        self.first: Finding | None = None
        self.reproducible = True


def explore(
    suite: Suite,
    systems: Both,
    *,
    count: int,
    seed: int,
    run: str,
    length: int = 30,
    progress: Progress = lambda done, phase: None,
    watch: Callable[[Exchange], None] = lambda exchange: None,
) -> Exploration:
    """Replay `count` sequences of up to `length` moves; stops at the first finding, and shrinks it.

    The same seed draws the same sequences. `run` keeps the names of this run's worlds apart from other runs'.
    """
    result = Exploration(seed)
    failing: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=hypothesis.Verbosity.quiet,
    )
    @hypothesis.given(suite.sequences(length))
    def replayed(sequence: list[Any]) -> None:
        finding = attempt(sequence)
        if finding:
            result.first = result.first or finding
            result.finding, failing[:] = finding, sequence
            raise finding

    def attempt(sequence: list[Any]) -> Finding | None:
        result.replays += 1
        journey = Journey(f"{run}-{result.replays}", systems, suite.RULES)
        try:
            return outcome(journey, lambda journey: suite.replay(journey, sequence))
        finally:
            result.calls += len(journey.exchanges)
            for exchange in journey.exchanges:
                watch(exchange)
            if result.first is None:
                result.sequences += 1
            progress(result.sequences, "shrinking" if result.first else "comparing")

    started = time.monotonic()
    try:
        replayed()
    except Finding as finding:
        result.finding = _pruned(finding, failing, attempt)
    except hypothesis.errors.Flaky:
        # It differed once and not again: as much a finding, but it cannot be made smaller.
        result.reproducible = False
        result.finding = result.finding or result.first
    result.seconds = time.monotonic() - started
    return result


def _pruned(finding: Finding, sequence: list[Any], attempt: Callable[[list[Any]], Finding | None]) -> Finding:
    """The finding without the moves that it does not need; Hypothesis stops when it gets on too slowly."""
    position = 0
    while position < len(sequence):
        shorter = [*sequence[:position], *sequence[position + 1 :]]
        found = attempt(shorter)
        if found and _places(found) == _places(finding):
            finding, sequence = found, shorter
        else:
            position += 1
    return finding


def _places(finding: Finding) -> set[str]:
    return {difference.where for difference in finding.differences}
