"""migrations-plan/plan.yaml against the shop's models, URLs, API document and compose file."""

from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from strangler.toolkit.plan import load
from strangler.toolkit.plan.check import check
from tests.architecture.sources import ROOT

FILE = ROOT / "migrations-plan/plan.yaml"
METHODS = {"get", "post", "put", "patch", "delete"}


def test_plan_has_no_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    verdict = check(Path("migrations-plan/plan.yaml"))
    assert [problem.text for problem in verdict.problems] == []
    assert verdict.notes == []


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    generator: Any = SchemaGenerator
    document = generator().get_schema(request=None, public=True)
    return {
        (path, method.upper()): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_api_document_has_the_plans_routes_and_no_others() -> None:
    planned = {
        (path, method)
        for domain in load(FILE).domains.values()
        for path, methods in domain.routes.items()
        for method in methods
    }
    assert set(operations()) == planned


def test_api_document_asks_for_a_token_where_the_plan_does() -> None:
    documented = operations()
    for domain in load(FILE).domains.values():
        for path, methods in domain.routes.items():
            for method, access in methods.items():
                security = documented[path, method].get("security", [])
                needs_token = bool(security) and {} not in security
                assert needs_token is (access != "public"), f"{method} {path}: {access}, but {security}"
