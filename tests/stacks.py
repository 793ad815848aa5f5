"""Whole systems for tests: a stage under its own supervisor, on ports and data of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strangler.toolkit.stack import Stack
from tests.ports import free_base
from tests.python_path import PYTHON_PATH, ROOT

COMMAND_SECONDS = 60


@contextmanager
def running(stage: int) -> Iterator[Stack]:
    """The stage, fresh from the seeds, with nothing of it left afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"stage-{stage}-") as directory:
        # pytest's own temporary folders are closed to the users that PostgreSQL and RabbitMQ run as.
        Path(directory).chmod(0o755)
        stack = Stack(ROOT, Path(directory) / "run", free_base())
        try:
            stack.up(stage)
            yield stack
        finally:
            stack.down(purge=True)


def strangler(
    stack: Stack,
    *arguments: str,
    status: int = 0,
    seconds: float = COMMAND_SECONDS,
    environment: dict[str, str] | None = None,
) -> str:
    """What `./run strangler …` says where this stack is the checkout's own."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    here = {"PYTHONPATH": PYTHON_PATH, "PORT_BASE": str(stack.port_base), "RUN_DIR": str(stack.layout.run)}
    done = subprocess.run(
        [sys.executable, "-m", "strangler.toolkit", *arguments],
        env={**kept, **here, "COLUMNS": "200", **(environment or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr
