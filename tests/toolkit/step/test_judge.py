"""The verdict on a canary window, on its own."""

import random

import pytest

from strangler.toolkit.gateway.metrics import INFINITY, Arm
from strangler.toolkit.step.judge import Verdict, judge

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, INFINITY)


def arm(
    requests: int, *, errors: int = 0, seconds: float = 0.02, slow: int = 0, slow_seconds: float = 0.0
) -> Arm:
    """So many answers, each in `seconds`, some of them slower."""
    times = [seconds] * (requests - slow) + [slow_seconds] * slow
    buckets = {bound: sum(time <= bound for time in times) for bound in BOUNDS}
    return Arm(requests=requests, errors=errors, buckets=buckets)


def verdict(old: Arm, new: Arm, mismatches: int = 0, *, final: bool = True) -> Verdict:
    return judge(old=old, new=new, mismatches=mismatches, sample=100, final=final)


def test_equal_arms_pass() -> None:
    assert verdict(arm(1000), arm(200)).outcome == "pass"
    assert verdict(arm(1000, errors=10), arm(1000, errors=12)).outcome == "pass"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (arm(1000), arm(200, errors=10), "10 errors"),
        (arm(2000), arm(60, errors=3), "3 errors"),
        (arm(1000, errors=10), arm(1000, errors=50), "50 errors"),
        (arm(0), arm(57, errors=57), "57 errors"),
        (arm(1000), arm(200, seconds=0.52), "p50"),
        (arm(1000), arm(40, seconds=0.52), "p50"),
        (arm(1000), arm(1000, slow=30, slow_seconds=0.9), "p99"),
        (arm(1000), arm(1000, slow=30, slow_seconds=9.0), "p99"),
    ],
)
def test_worse_arms_fail(old: Arm, new: Arm, says: str) -> None:
    found = verdict(old, new)
    assert found.outcome == "fail"
    assert says in found.reason


def test_one_differing_answer_fails_whatever_else() -> None:
    assert verdict(arm(1000), arm(1000), mismatches=1).outcome == "fail"


@pytest.mark.parametrize(("old", "new"), [(arm(1000), arm(99)), (arm(99), arm(1000)), (arm(0), arm(0))])
def test_small_samples_give_no_verdict(old: Arm, new: Arm) -> None:
    assert verdict(old, new).outcome == "inconclusive"


@pytest.mark.parametrize(
    "new", [arm(1000, errors=2), arm(200, seconds=0.09), arm(1000, slow=5, slow_seconds=0.9)], ids=str
)
def test_chance_and_coarse_buckets_are_no_failure(new: Arm) -> None:
    assert verdict(arm(1000), new).outcome == "pass"


def test_an_error_of_the_old_host_does_not_count_against_the_new_one() -> None:
    assert verdict(arm(1000, errors=500), arm(1000)).outcome == "pass"


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        (arm(2000), arm(60, errors=3), "inconclusive"),
        (arm(1000, errors=10), arm(1000, errors=29), "pass"),
        (arm(1000), arm(1000, slow=30, slow_seconds=0.9), "pass"),
        (arm(1000), arm(200, errors=10), "fail"),
        (arm(0), arm(57, errors=57), "fail"),
        (arm(1000), arm(200, seconds=0.52), "fail"),
    ],
)
def test_before_the_end_only_what_is_plain_counts(old: Arm, new: Arm, outcome: str) -> None:
    assert verdict(old, new, final=False).outcome == outcome
    assert verdict(old, new).outcome == "fail"


@pytest.mark.parametrize("rate", [0.002, 0.01, 0.03])
@pytest.mark.parametrize("percent", [1, 10, 50])
def test_equal_hosts_seldom_fail_although_they_are_looked_at_all_the_time(rate: float, percent: int) -> None:
    chance = random.Random(f"{rate} {percent}")
    windows = [window(chance, percent, rate, rate) for _ in range(400)]
    assert windows.count("fail") <= 400 * 0.015


@pytest.mark.parametrize("percent", [30, 50])
def test_one_failure_in_twenty_seldom_passes(percent: int) -> None:
    chance = random.Random(percent)
    windows = [window(chance, percent, 0.0, 0.05) for _ in range(200)]
    assert windows.count("fail") >= 200 * 0.95


def window(chance: random.Random, percent: int, old: float, new: float) -> str:
    """The outcome of a canary window of 15 looks at 60 more answers each, with these shares of errors."""
    answers, errors = {"old": 0, "new": 0}, {"old": 0, "new": 0}
    for look in range(15):
        for _ in range(60):
            host, share = ("new", new) if chance.random() < percent / 100 else ("old", old)
            answers[host] += 1
            errors[host] += chance.random() < share
        before, now = (Arm(requests=answers[host], errors=errors[host]) for host in ("old", "new"))
        found = verdict(before, now, final=look == 14)
        if found.outcome == "fail":
            break
    return found.outcome
