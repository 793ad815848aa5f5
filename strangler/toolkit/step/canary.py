"""Canary: a growing share of the reads goes to the target, each window judged against the source's answers
of the same time. A bad verdict, or an error that leaves none, routes everything back at once; a command that
is interrupted leaves reads where they are, to go on."""

import time
from typing import Any

from strangler.toolkit.gateway import metrics
from strangler.toolkit.gateway.metrics import Arm
from strangler.toolkit.step import counters, routing
from strangler.toolkit.step.effects import Effect, table
from strangler.toolkit.step.errors import Inconclusive, StepError, WentBack
from strangler.toolkit.step.judge import Verdict, judge
from strangler.toolkit.step.step import Step

PATIENCE = 3
"""A window without a verdict is given so many times its length."""
SMALL = 50
"""Below so many percent a window may pass for want of a sample: what harm it could do is bounded, and the
next one sees more."""
LOOK_SECONDS = 1.0

Arms = dict[str, Arm]


def check_gateway(step: Step) -> None:
    """Raise StepError where the plan has a gateway and it is not known where its figures are."""
    if routing.behind_gateway(step) and not step.places.traefik:
        raise StepError(
            "TRAEFIK_URL is not known, and a canary is judged by the gateway's figures: set it to the "
            "address of Traefik's internal entry point."
        )


def widen(step: Step) -> None:
    """One window after the other, while answers are compared, which a way back has ended."""
    check_gateway(step)
    step.tell(shadow=step.options.shadow)
    if not routing.behind_gateway(step):
        step.screen.note("no gateway in this plan: nothing to divide, so the cutover is next")
        return
    try:
        _windows(step)
    except Exception:
        step.screen.note(f"all reads go back to {step.state.source}")
        routing.all_old(step)
        raise


def _windows(step: Step) -> None:
    baseline = Arm()
    seen: list[dict[str, Any]] = []
    for percent in step.options.windows:
        routing.reads_to_new(step, percent)
        verdict, old, new = _window(step, percent, baseline)
        baseline = old if old.requests else baseline
        seen.append({"percent": percent, "verdict": verdict.outcome, "reason": verdict.reason,
                     "old": old.requests, "new": new.requests})  # fmt: skip
        step.measured("canary", windows=seen, requests=sum(int(w["new"]) for w in seen))
        step.screen.note(f"{percent} %: {verdict.outcome} ({verdict.reason})")
        if verdict.outcome == "fail":
            raise WentBack(f"At {percent} % of the reads {step.state.target} did worse: {verdict.reason}.")
        if verdict.outcome == "inconclusive" and percent >= SMALL and not step.options.accept_inconclusive:
            raise Inconclusive(
                f"At {percent} % of the reads too little was seen for a verdict: {verdict.reason}. "
                "Everything is routed back. Wait for more traffic, give it longer (--window-seconds), "
                "be content with less (--sample), or accept it (--accept-inconclusive)."
            )


def _window(step: Step, percent: int, baseline: Arm) -> tuple[Verdict, Arm, Arm]:
    """Look until there is a verdict: what is plainly bad counts at once, all else once, at the window's end
    or, where the sample takes longer and can be waited for, when it is there."""
    began, seconds = time.monotonic(), step.options.window_seconds
    first, mismatches = _arms(step), counters.total(step).mismatched
    while True:
        time.sleep(min(LOOK_SECONDS, seconds))
        now = _arms(step)
        old, new = (
            now.get(host, Arm()).since(first.get(host, Arm()))
            for host in (step.state.source, step.state.target)
        )
        differing = counters.total(step).mismatched - mismatches
        # At 100 % nobody asks the source any more: what it did just before stands in.
        against = old if percent < 100 else baseline
        passed, sample = time.monotonic() - began, step.options.sample
        complete = passed >= seconds and min(against.requests, new.requests) >= sample
        final = complete or passed >= seconds * (PATIENCE if percent >= SMALL else 1)
        verdict = judge(old=against, new=new, mismatches=differing, sample=sample, final=final)
        if final or verdict.outcome == "fail":
            return verdict, old, new


def _arms(step: Step) -> Arms:
    return metrics.arms(step.places.traefik, step.domain)


CANARY: tuple[Effect, ...] = table(widen)


def route_reads_back(step: Step) -> None:
    """All reads go to the source."""
    routing.all_old(step)


UNDO_CANARY: tuple[Effect, ...] = table(route_reads_back)
