"""What a stack remembers outlives a disk that is full while it is written."""

import errno
import os
from pathlib import Path

import pytest

from strangler.toolkit.stack import Stack, StackError, secrets
from strangler.toolkit.stack.errors import DiskUnusable
from strangler.toolkit.stack.memory import Data, Memory, State
from strangler.toolkit.stack.program import Layout
from tests.python_path import ROOT


def full(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_was_kept_stays_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, layout = Memory(tmp_path), Layout(root=ROOT, run=tmp_path)
    memory.running(1, 9000)
    known = secrets.drawn(layout, {"SOME_KEY": ""})

    monkeypatch.setattr(os, "fsync", full)
    for write in (
        lambda: memory.running(2, 9000),
        lambda: memory.begun(2),
        lambda: secrets.drawn(layout, {"OTHER_KEY": ""}),
    ):
        with pytest.raises(DiskUnusable, match=r"cannot be written: No space left.*as it was"):
            write()

    assert memory.state == State(stage=1, port_base=9000)
    assert memory.data == Data(stage=1)
    assert secrets.drawn(layout, {"SOME_KEY": ""}) == known
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_a_state_that_was_cut_off_is_none_and_data_of_no_stage_says_what_to_do(tmp_path: Path) -> None:
    for name in ("state.json", "data.json", "secrets.env"):
        (tmp_path / name).touch()
    stack = Stack(ROOT, tmp_path)

    assert stack.state is None
    with pytest.raises(StackError, match=r"data.json does not say of which stage.*`./run down --purge`"):
        stack.up(0)

    stack.down(purge=True)
    assert not tmp_path.exists()
