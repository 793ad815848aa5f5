"""Stage 0 against a shop that moves from stage to stage, all real: equal whatever is asked, also when a step
is taken back; a planted difference is found."""

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.wrappers import Request

from strangler.toolkit.parity.report import Report, Reported
from strangler.toolkit.parity.run import compare
from strangler.toolkit.parity.text import reported
from strangler.toolkit.plan import load
from strangler.toolkit.stack import Stack
from tests import parity
from tests.parity.tiny import Plant, Proxy, in_json, served
from tests.python_path import ROOT
from tests.stacks import running, strangler

PLAN = load(ROOT / "migrations-plan/plan.yaml")
STAGES = [stage.number for stage in PLAN.built if stage.number > 0]
pytestmark = pytest.mark.skipif(not STAGES, reason="there is nothing to compare stage 0 with yet")
SEQUENCES = 12
# At least: not every route has an order, an address or a product to ask for in so few sequences.
ROUTES_TRIED = 0.9
MIGRATION_SECONDS = 600
UNAVAILABLE = 503
# Nobody shops while it moves.
QUICK = ("--accept-inconclusive", "--shadow-seconds", "0", "--windows", "100", "--window-seconds", "1")
# Those that read what another domain owns, and change it.
BACK_AGAIN = ["manage products", "browse", "seeded", "buy", "sold out", "withdrawn"]


class Pair:
    """Equal seeds, and the same calls ever since: what other tests did to theirs would be a difference."""

    def __init__(self, reference: Stack, moving: Stack) -> None:
        self.reference, self.moving, self.stage = reference, moving, 1

    def reach(self, stage: int) -> None:
        """Move to the stage as its chapter says, one step at a time."""
        while self.stage < stage:
            if self.stage > 1:
                strangler(self.moving, "contract", "--yes", seconds=MIGRATION_SECONDS)
            self.stage += 1
            strangler(self.moving, "migrate", "--to", str(self.stage), *QUICK, seconds=MIGRATION_SECONDS)

    def compare(
        self, run: str, sequences: int = 0, journeys: list[str] | None = None, url: str = ""
    ) -> Report:
        """`run` names what is created; `url` is somebody who stands before the moving shop."""
        return compare(
            parity,
            reference=self.reference.url,
            candidate=url or self.moving.url,
            run=run,
            sequences=sequences,
            seed=1,
            journeys=journeys,
        )

    def settled(self, run: str, sequences: int = 0, journeys: list[str] | None = None) -> Report:
        """What a stage changes, it changes again. A provider or an owner that stood still for seconds is one
        honest 503, or an `available` that is null."""
        report = self.compare(run, sequences, journeys)
        if any(map(stood_still, report.findings())):
            return self.compare(f"{run}-again", sequences, journeys)
        return report


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with running(0) as reference, running(1) as moving:
        yield Pair(reference, moving)


def stood_still(finding: Reported) -> bool:
    if finding.steps and UNAVAILABLE in (finding.steps[-1].reference, finding.steps[-1].candidate):
        return True
    return bool(finding.differences) and all(
        d["where"].endswith("available") and None in (d["reference"], d["candidate"])
        for d in finding.differences
    )


def differences(report: Report) -> str:
    return "\n".join(reported(finding) for finding in report.findings())


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_changes_an_answer(stage: int, pair: Pair) -> None:
    pair.reach(stage)

    report = pair.settled(f"s{stage}", SEQUENCES)

    assert report.equal, differences(report)
    assert report.generated is not None
    assert report.generated.sequences == SEQUENCES
    routes = PLAN.routes(stage=0)
    planned = {f"{method} {r.path}" for r in routes for method in r.methods if r.path.startswith("/api/")}
    assert len(planned & report.coverage.keys()) >= ROUTES_TRIED * len(planned), sorted(
        planned - report.coverage.keys()
    )


def test_no_answer_changes_when_a_step_is_taken_back(pair: Pair) -> None:
    if len(STAGES) < 2:
        pytest.skip("no step moves anything yet")
    pair.reach(STAGES[-1])

    strangler(pair.moving, "rollback", seconds=MIGRATION_SECONDS)

    pair.stage -= 1
    report = pair.settled("back", journeys=BACK_AGAIN)
    assert report.equal, differences(report)


def _rounded(request: Request, body: Any) -> None:
    if "total" in body:
        body["total"] = body["total"][:-1] + "0"


def _missing(request: Request, body: Any) -> None:
    for product in body.get("results", []):
        product.pop("available", None)


def _code(request: Request, body: Any) -> None:
    for error in body.get("errors", []):
        if error["code"] == "insufficient_stock":
            error["code"] = "out_of_stock"


@pytest.mark.parametrize(
    ("journey", "plant", "where"),
    [
        ("buy", in_json(_rounded), "body.total"),
        ("browse", in_json(_missing), "available"),
        ("sold out", in_json(_code), "code"),
    ],
    ids=["price rounding", "missing field", "error code"],
)
def test_a_difference_in_the_shop_is_found(journey: str, plant: Plant, where: str, pair: Pair) -> None:
    with served(Proxy(pair.moving.url, plant)) as spoiled:
        report = pair.compare(f"p{journey[:2]}", journeys=[journey], url=spoiled)

    assert not report.equal
    found = [difference["where"] for finding in report.findings() for difference in finding.differences]
    assert any(where in place for place in found), found
