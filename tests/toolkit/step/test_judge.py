"""The verdict on a canary window, on its own."""

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


def verdict(old: Arm, new: Arm, mismatches: int = 0) -> Verdict:
    return judge(old=old, new=new, mismatches=mismatches, sample=100)


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
