"""The contracts keep what their golden schemas promise."""

import pytest

from strangler.toolkit.contracts import asyncapi, schemas
from strangler.toolkit.contracts.compatibility import breaks
from strangler.toolkit.plan import load
from tests.architecture.sources import ROOT

PLAN = load(ROOT / "migrations-plan/plan.yaml")


@pytest.mark.parametrize("domain", PLAN.domains)
def test_contract_is_what_its_golden_schemas_say(domain: str) -> None:
    module = schemas.contract_module(PLAN, domain, root=ROOT)
    path, now = schemas.golden(module, domain), schemas.document(module, domain)
    before = schemas.read(path)
    assert before is not None, f"{domain} has no golden schemas: ./run strangler contracts schemas --write"
    broken = breaks(before, now)
    assert not broken, f"{domain} breaks old callers:\n" + "\n".join(broken)
    assert path.read_text() == schemas.text(now), (
        f"{domain} has changed, compatibly: ./run strangler contracts schemas --write"
    )


def test_asyncapi_document_is_up_to_date() -> None:
    now = schemas.text(asyncapi.document(PLAN, root=ROOT))
    assert asyncapi.place(PLAN, root=ROOT).read_text() == now, "./run strangler contracts asyncapi --write"
