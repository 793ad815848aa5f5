"""A stack of stage 1 that faults may be done to."""

from collections.abc import Iterator

import pytest

from strangler.toolkit.stack import Stack
from tests.stacks import running


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Stage 1, fresh from the seeds, with nothing of it left afterwards."""
    with running(1) as stack:
        yield stack
