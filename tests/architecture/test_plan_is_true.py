"""migrations-plan/plan.yaml against the shop's models, URLs, API document and compose file."""

from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from strangler.toolkit.plan import load
from strangler.toolkit.plan.check import check
from tests.architecture.sources import ROOT, imported, python

FILE = ROOT / "migrations-plan/plan.yaml"
METHODS = {"get", "post", "put", "patch", "delete"}


def test_plan_has_no_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    verdict = check(Path("migrations-plan/plan.yaml"))
    assert [problem.text for problem in verdict.problems] == []
    assert verdict.notes == []


def test_no_stage_imports_what_a_later_one_introduces() -> None:
    """So that what a stage's tag holds can be run and checked there."""
    built = load(FILE).built
    since = {Path(path).with_suffix(""): stage.number for stage in built for path in stage.introduces}

    def stage_of(path: Path) -> int:
        return max((number for place, number in since.items() if path.is_relative_to(place)), default=0)

    for file in python():
        # A domain's package stands in the monolith until its host is there.
        own = 0 if file.parts[0] == "extracted" and "shop" in file.parts else stage_of(file.with_suffix(""))
        for module in imported(file):
            path = Path(*module.split("."))
            needed = max(stage_of(folder / path) for folder in (Path(), Path("extracted")))
            assert needed <= own, f"{file} is there from stage {own} on, and imports {module}, which is not"


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
