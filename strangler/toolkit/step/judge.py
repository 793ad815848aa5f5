"""The verdict on a canary: the new host's answers against those that the old one gave at the same time.

Errors are compared by Fisher's exact test, one-sided, latencies by quantiles with a tolerance, because a
quantile read from a histogram's buckets is coarse. (Canary analysis: Davidovič and Beyer, "Canary Analysis
Service", ACM Queue 2018.)

A window is judged once, at its end, for who looks every second gives chance many chances. Before the end only
what chance almost never does counts, so that a host that is plainly bad does no more harm. Simulated with all
these looks, hosts that fail equally often get a bad verdict in at most one window in two hundred.
"""

from dataclasses import dataclass
from math import exp, lgamma
from typing import Literal

from strangler.toolkit.gateway.metrics import Arm

Outcome = Literal["pass", "fail", "inconclusive"]

SIGNIFICANT, FEWEST_ERRORS = 0.005, 3
"""At a window's end: how often chance may give the new host so many of the errors (2.58 deviations)."""
PLAIN, FEWEST_PLAIN = 3e-5, 10
"""Before it (4 of them)."""
TIMES_SLOWER, SECONDS_SLOWER = 1.5, 0.1
"""A quantile may be so many times the old host's and so much more."""
QUANTILES, PLAIN_QUANTILES = ((0.5, 20), (0.99, 300)), ((0.5, 100),)
"""Which quantiles are compared, from how many answers on; and before the window's end."""


@dataclass(frozen=True)
class Verdict:
    """`reason` says why in words."""

    outcome: Outcome
    reason: str


def judge(*, old: Arm, new: Arm, mismatches: int, sample: int, final: bool) -> Verdict:
    """Bad is bad at any sample size that shows it, plainly so unless this is the `final` look; good needs
    the whole sample on both sides."""
    if reason := _bad(old, new, mismatches, final):
        return Verdict("fail", reason)
    for name, arm in (("new", new), ("old", old)):
        if arm.requests < sample:
            return Verdict("inconclusive", f"{arm.requests} of {sample} answers from the {name} host")
    return Verdict("pass", f"{new.requests} answers, {new.errors} errors, p99 {_ms(new.quantile(0.99))}")


def _bad(old: Arm, new: Arm, mismatches: int, final: bool) -> str:
    if mismatches:
        return f"{mismatches} answers of the new host differ"
    if _more_errors(old, new, final):
        return f"{new.errors} errors in {new.requests} answers, against {old.errors} in {old.requests}"
    for share, fewest in QUANTILES if final else PLAIN_QUANTILES:
        if min(old.requests, new.requests) < fewest:
            continue
        before, now = old.quantile(share), new.quantile(share)
        if now > before * TIMES_SLOWER + SECONDS_SLOWER:
            return f"p{share * 100:.0f} {_ms(now)}, against {_ms(before)}"
    return ""


def _more_errors(old: Arm, new: Arm, final: bool) -> bool:
    """Whether the new host's share of errors is larger by more than chance."""
    chance, fewest = (SIGNIFICANT, FEWEST_ERRORS) if final else (PLAIN, FEWEST_PLAIN)
    if new.errors < fewest:
        return False
    return not old.requests or _chance(old, new) <= chance


def _chance(old: Arm, new: Arm) -> float:
    """How likely so many of all errors, or more, are the new host's if each answer is as likely to be one."""
    answers, errors = old.requests + new.requests, old.errors + new.errors
    whole = _log_choices(answers, new.requests)
    return sum(
        exp(_log_choices(errors, mine) + _log_choices(answers - errors, new.requests - mine) - whole)
        for mine in range(new.errors, min(errors, new.requests) + 1)
        if new.requests - mine <= answers - errors
    )


def _log_choices(of: int, some: int) -> float:
    return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
