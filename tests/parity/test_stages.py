"""Stage 0 against stage 1, both real: equal whatever is asked, and a planted difference is found."""

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.wrappers import Request

from strangler.toolkit.parity.run import compare
from strangler.toolkit.parity.text import reported
from strangler.toolkit.plan import load
from strangler.toolkit.stack import Stack
from tests import parity
from tests.parity.tiny import Plant, Proxy, in_json, served
from tests.stacks import ROOT, running

SEQUENCES = 20
# At least: not every route has an order, an address or a product to ask for in so few sequences.
ROUTES_TRIED = 0.9


@pytest.fixture(scope="module")
def stage_0() -> Iterator[Stack]:
    with running(0) as stack:
        yield stack


@pytest.fixture(scope="module")
def fresh_stage_1() -> Iterator[Stack]:
    """Equal seeds on both sides; what other tests did to theirs would be a difference."""
    with running(1) as stack:
        yield stack


def test_the_gateway_changes_no_answer(stage_0: Stack, fresh_stage_1: Stack) -> None:
    report = compare(
        parity, reference=stage_0.url, candidate=fresh_stage_1.url, run="s", sequences=SEQUENCES, seed=1
    )

    assert report.equal, "\n".join(reported(finding) for finding in report.findings())
    assert report.generated is not None
    assert report.generated.sequences == SEQUENCES
    routes = load(ROOT / "migrations-plan/plan.yaml").routes(stage=0)
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
def test_a_difference_in_the_shop_is_found(
    journey: str, plant: Plant, where: str, stage_0: Stack, fresh_stage_1: Stack
) -> None:
    with served(Proxy(fresh_stage_1.url, plant)) as spoiled:
        report = compare(
            parity,
            reference=stage_0.url,
            candidate=spoiled,
            run=f"p{journey[:2]}",
            sequences=0,
            seed=1,
            journeys=[journey],
        )

    assert not report.equal
    found = [difference["where"] for finding in report.findings() for difference in finding.differences]
    assert any(where in place for place in found), found
