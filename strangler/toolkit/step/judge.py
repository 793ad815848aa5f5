"""The verdict on a canary: the new host's answers against those that the old one gave at the same time.

Errors are compared by a one-sided test of two proportions, latencies by quantiles with a tolerance, because a
quantile read from a histogram's buckets is coarse. (Canary analysis: Davidovič and Beyer, "Canary Analysis
Service", ACM Queue 2018.)
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from strangler.toolkit.gateway.metrics import Arm

Outcome = Literal["pass", "fail", "inconclusive"]

SIGNIFICANT = 2.58
"""Standard deviations: a difference that chance makes once in two hundred windows."""
FEWEST_ERRORS = 3
TIMES_SLOWER, SECONDS_SLOWER = 1.5, 0.1
"""A quantile may be so many times the old host's and so much more."""
QUANTILES = ((0.5, 20), (0.99, 300))
"""Which quantiles are compared, from how many answers on."""


@dataclass(frozen=True)
class Verdict:
    """`reason` says why in words."""

    outcome: Outcome
    reason: str


def judge(*, old: Arm, new: Arm, mismatches: int, sample: int) -> Verdict:
    """Bad is bad at any sample size that shows it; good needs the whole sample on both sides."""
    if reason := _bad(old, new, mismatches):
        return Verdict("fail", reason)
    for name, arm in (("new", new), ("old", old)):
        if arm.requests < sample:
            return Verdict("inconclusive", f"{arm.requests} of {sample} answers from the {name} host")
    return Verdict("pass", f"{new.requests} answers, {new.errors} errors, p99 {_ms(new.quantile(0.99))}")


def _bad(old: Arm, new: Arm, mismatches: int) -> str:
    if mismatches:
        return f"{mismatches} answers of the new host differ"
    if _more_errors(old, new):
        return f"{new.errors} errors in {new.requests} answers, against {old.errors} in {old.requests}"
    for share, fewest in QUANTILES:
        if min(old.requests, new.requests) < fewest:
            continue
        before, now = old.quantile(share), new.quantile(share)
        if now > before * TIMES_SLOWER + SECONDS_SLOWER:
            return f"p{share * 100:.0f} {_ms(now)}, against {_ms(before)}"
    return ""


def _more_errors(old: Arm, new: Arm) -> bool:
    """Whether the new host's share of errors is larger by more than chance."""
    if new.errors < FEWEST_ERRORS or not new.requests:
        return False
    if not old.requests:
        return True
    mine, theirs = new.errors / new.requests, old.errors / old.requests
    pooled = (new.errors + old.errors) / (new.requests + old.requests)
    deviation = sqrt(pooled * (1 - pooled) * (1 / new.requests + 1 / old.requests))
    return mine > theirs and (deviation == 0 or (mine - theirs) / deviation > SIGNIFICANT)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
