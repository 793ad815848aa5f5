"""Stage 0 against each later one, all real: equal whatever is asked, and a planted difference is found."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from werkzeug.wrappers import Request

from strangler.toolkit.parity.run import compare
from strangler.toolkit.parity.text import reported
from strangler.toolkit.plan import load
from tests import parity
from tests.parity.tiny import Plant, Proxy, in_json, served
from tests.python_path import ROOT
from tests.stacks import running

PLAN = load(ROOT / "migrations-plan/plan.yaml")
STAGES = [stage.number for stage in PLAN.built if stage.number > 0]
SEQUENCES = 12
# At least: not every route has an order, an address or a product to ask for in so few sequences.
ROUTES_TRIED = 0.9


class Pair(NamedTuple):
    """Equal seeds on both sides: what other tests did to theirs would be a difference."""

    reference: str
    candidate: str


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with running(0) as reference, running(request.param) as candidate:
        yield Pair(reference.url, candidate.url)


@pytest.mark.parametrize("pair", STAGES, indirect=True)
def test_no_stage_changes_an_answer(pair: Pair) -> None:
    report = compare(
        parity, reference=pair.reference, candidate=pair.candidate, run="s", sequences=SEQUENCES, seed=1
    )

    assert report.equal, "\n".join(reported(finding) for finding in report.findings())
    assert report.generated is not None
    assert report.generated.sequences == SEQUENCES
    routes = PLAN.routes(stage=0)
    planned = {f"{method} {r.path}" for r in routes for method in r.methods if r.path.startswith("/api/")}
    assert len(planned & report.coverage.keys()) >= ROUTES_TRIED * len(planned), sorted(
        planned - report.coverage.keys()
    )


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
@pytest.mark.parametrize("pair", STAGES[:1], indirect=True)
def test_a_difference_in_the_shop_is_found(journey: str, plant: Plant, where: str, pair: Pair) -> None:
    with served(Proxy(pair.candidate, plant)) as spoiled:
        report = compare(
            parity,
            reference=pair.reference,
            candidate=spoiled,
            run=f"p{journey[:2]}",
            sequences=0,
            seed=1,
            journeys=[journey],
        )

    assert not report.equal
    found = [difference["where"] for finding in report.findings() for difference in finding.differences]
    assert any(where in place for place in found), found
