"""What the guide shows as a model is right by the guide's own checks."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolkit.step.world import HOSTS, PLAN, ROOT


@pytest.mark.parametrize("line", ["plan check {}", "contracts schemas --check --plan {}"])
def test_the_model_project_passes(line: str) -> None:
    run("strangler.toolkit", *line.format(PLAN).split())


@pytest.mark.parametrize(("host", "stage"), [("library", "0"), ("library", "1"), ("books", "1")])
def test_each_host_has_the_same_migrations(host: str, stage: str) -> None:
    """Without the other domain's app, too: its first migration is then none to wait for."""
    nowhere = {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x", "DJANGO_SETTINGS_MODULE": HOSTS[host]}
    run("django", "makemigrations", "--check", "--dry-run", STAGE=stage, **nowhere)


QUOTED = re.findall(
    r"^```python\n# (tests/second_project/\S+)\n(.*?)^```",
    (ROOT / "strangler/GUIDE.md").read_text(),
    re.M | re.S,
)


@pytest.mark.parametrize(("file", "quoted"), QUOTED, ids=[file for file, _ in QUOTED])
def test_the_guide_quotes_it(file: str, quoted: str) -> None:
    assert quoted in (ROOT / file).read_text()


def test_the_guide_quotes_what_a_host_needs() -> None:
    assert {Path(file).name for file, _ in QUOTED} >= {
        "library.py",
        "bookshelf.py",
        "urls.py",
        "wsgi.py",
        "apps.py",
    }


def run(module: str, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
