"""`./run` may be typed anywhere: what it is given is found from there, the rest in the checkout."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.python_path import ROOT

PLAN = ROOT / "migrations-plan" / "plan.yaml"
SECONDS = 60


@pytest.mark.parametrize(("given", "name"), [([], "shop"), (["mine/plan.yaml"], "mine")])
def test_a_plan_is_found_where_the_caller_is(given: list[str], name: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "plan.yaml").write_text(PLAN.read_text().replace("name: shop\n", "name: mine\n", 1))
    done = subprocess.run(
        [str(ROOT / "run"), "strangler", "plan", "show", *given, "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["name"] == name
