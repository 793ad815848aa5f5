"""What a stack leaves behind is found and ended."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from strangler.toolkit.stack import leftovers
from strangler.toolkit.stack.program import MARKER
from tests.ports import wait_for


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[list[psutil.Process]]:
    """Two processes of the run directory."""
    lasting = [sys.executable, "-c", "import signal; signal.pause()"]
    environment = {**os.environ, MARKER: str(tmp_path)}
    children = [subprocess.Popen(lasting, env=environment) for _ in range(2)]
    try:
        wait_for(lambda: len(leftovers.processes_of(tmp_path)) == 2)
        yield [psutil.Process(child.pid) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_what_is_started_while_one_looks_is_ended_too(
    marked: list[psutil.Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """supervisord starts again what it sees die, until it is dead itself."""
    real, looks = leftovers.processes_of, []

    def found(run: Path) -> list[psutil.Process]:
        looks.append(run)
        return real(run) if len(looks) > 1 else marked[:1]

    monkeypatch.setattr(leftovers, "processes_of", found)

    leftovers.end_at_once(tmp_path)

    assert real(tmp_path) == []
