"""What the README shows of a plan is right by its own checks."""

import os
import subprocess
import sys

import pytest

from tests.toolkit.step.world import PLAN, ROOT


@pytest.mark.parametrize("line", ["plan check {}", "contracts schemas --check --plan {}"])
def test_the_model_project_passes(line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "strangler.toolkit", *line.format(PLAN).split()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
