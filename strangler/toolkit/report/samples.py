"""Measured calls, and what a number of them amounts to."""

import math
from collections.abc import Iterable, Sequence

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """One measured call. `at`: when it began, seconds since the epoch. `seconds`: how long it took."""

    at: float
    seconds: float
    ok: bool
    name: str = ""


class Summary(msgspec.Struct, frozen=True):
    """A number of calls in figures; latencies in milliseconds, None where there was no call."""

    requests: int
    failures: int
    per_second: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class Bucket(msgspec.Struct, frozen=True):
    """The calls that began within `[start, start + width)`, seconds from the timeline's origin."""

    start: float
    width: float
    summary: Summary


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile of values in ascending order."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summarise(samples: Iterable[Sample], *, seconds: float) -> Summary:
    """These calls, spread over so many seconds."""
    kept = list(samples)
    ordered = sorted(sample.seconds * 1000 for sample in kept)

    def rounded(share: float) -> float | None:
        value = quantile(ordered, share)
        return None if value is None else round(value, 2)

    return Summary(
        requests=len(kept),
        failures=sum(not sample.ok for sample in kept),
        per_second=round(len(kept) / seconds, 1) if seconds > 0 else 0.0,
        p50_ms=rounded(0.5),
        p95_ms=rounded(0.95),
        p99_ms=rounded(0.99),
        max_ms=rounded(1.0),
    )


def between(samples: Iterable[Sample], start: float, end: float) -> list[Sample]:
    """The calls that began within `[start, end)`."""
    return [sample for sample in samples if start <= sample.at < end]


def buckets(samples: Iterable[Sample], *, origin: float, end: float, width: float) -> list[Bucket]:
    """The time from origin to end in pieces of `width` seconds, empty ones included."""
    count = max(1, math.ceil((end - origin) / width))
    sorted_in: list[list[Sample]] = [[] for _ in range(count)]
    for sample in samples:
        index = int((sample.at - origin) / width)
        if 0 <= index < count:
            sorted_in[index].append(sample)
    return [
        Bucket(
            start=i * width,
            width=min(width, end - origin - i * width),
            summary=summarise(inside, seconds=min(width, end - origin - i * width)),
        )
        for i, inside in enumerate(sorted_in)
    ]
