"""A stack of stage 1 that faults may be done to."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from strangler.toolkit.stack import Stack
from tests.ports import free_base

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Stage 1, fresh from the seeds, with nothing of it left afterwards."""
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        # pytest's own temporary folders are closed to the users that PostgreSQL and RabbitMQ run as.
        Path(directory).chmod(0o755)
        stack = Stack(ROOT, Path(directory) / "run", free_base())
        try:
            stack.up(1)
            yield stack
        finally:
            stack.down(purge=True)
