"""A whole comparison: every journey, then the generated sequences, one report."""

import time
from collections.abc import Callable, Iterable

from strangler.toolkit.parity.generated import Exploration, explore
from strangler.toolkit.parity.journey import Journey, both, outcome
from strangler.toolkit.parity.report import Generated, Observed, Ran, Report, reported
from strangler.toolkit.parity.suite import Suite

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is, and of how many."""


def compare(
    suite: Suite,
    *,
    reference: str,
    candidate: str,
    run: str,
    sequences: int,
    seed: int,
    length: int = 30,
    journeys: Iterable[str] | None = None,
    progress: Progress = lambda what, done, of: None,
) -> Report:
    """Compare the systems at these base URLs. `run`: a name that no earlier run on them had. `journeys`:
    which of the suite's; all if None."""
    started = time.monotonic()
    observed = Observed(suite.RULES)
    names = list(suite.JOURNEYS if journeys is None else journeys)
    ran: list[Ran] = []
    generated: Generated | None = None
    with both(reference, candidate) as systems:
        for number, name in enumerate(names, start=1):
            began = time.monotonic()
            journey = Journey(f"{run}-j{number}", systems, suite.RULES)
            found = outcome(journey, suite.JOURNEYS[name])
            finding = reported(found, name=name) if found else None
            for exchange in journey.exchanges:
                observed.watch(exchange)
            seconds = time.monotonic() - began
            ran.append(Ran(name=name, calls=len(journey.exchanges), seconds=seconds, finding=finding))
            progress("journeys", number, len(names))
        if sequences:
            result = explore(
                suite,
                systems,
                count=sequences,
                seed=seed,
                run=run,
                length=length,
                progress=lambda done, phase: progress(phase, done, sequences),
                watch=observed.watch,
            )
            generated = _generated(result, asked=sequences, length=length)
    found_any = any(each.finding for each in ran) or (generated is not None and generated.finding is not None)
    return Report(
        reference=reference,
        candidate=candidate,
        equal=not found_any,
        calls=observed.calls,
        seconds=time.monotonic() - started,
        journeys=ran,
        generated=generated,
        effects=observed.effects,
        coverage=observed.coverage,
        latency=observed.latency,
    )


def _generated(result: Exploration, *, asked: int, length: int) -> Generated:
    finding = None
    if result.finding:
        finding = reported(
            result.finding, name="generated", first=result.first, reproducible=result.reproducible
        )
    return Generated(
        seed=result.seed,
        length=length,
        asked=asked,
        sequences=result.sequences,
        replays=result.replays,
        calls=result.calls,
        seconds=result.seconds,
        finding=finding,
    )
