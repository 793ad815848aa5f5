"""Root's own folder is where a newcomer clones to, and servers with accounts of their own cannot enter it."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import requests

from strangler.toolkit.stack import Stack
from tests.ports import free_base
from tests.python_path import ROOT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users to become")
def test_a_stack_comes_up_where_only_root_may_enter_and_when_others_may() -> None:
    folder = Path(tempfile.mkdtemp(prefix="private-"))
    stack = Stack(ROOT, folder / "run", free_base())
    try:
        for mode in (0o700, 0o755, 0o700):
            folder.chmod(mode)
            stack.up(0)
            assert requests.get(f"{stack.url}/api/products", timeout=10).json()["count"] == 1000
            assert stack.down() == 0
    finally:
        stack.down(purge=True)
        shutil.rmtree(folder)
