"""Each built stage in containers, one after the other."""

from collections.abc import Iterator

import pytest

from strangler.toolkit.plan import load
from tests.compose.containers import ROOT, Containers

STAGES = [stage.number for stage in load(ROOT / "migrations-plan/plan.yaml").stages if stage.built]


@pytest.fixture(scope="module", params=STAGES, ids=lambda stage: f"stage-{stage}")
def containers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    """The stage, fresh from the seeds; nothing of it is left afterwards."""
    containers = Containers(request.param, tmp_path_factory.mktemp("compose"))
    try:
        containers.up()
        yield containers
    finally:
        containers.down()


@pytest.fixture(scope="module")
def shop(containers: Containers) -> str:
    """The public address: the gateway's, or the monolith's where there is none."""
    return containers.url("traefik", 8080) if containers.stage else containers.url("web-direct", 8000)
