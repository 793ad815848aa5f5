"""A service that is asked and does not answer is not ready; nothing worse."""

import os
import socket
from pathlib import Path

import pytest

from strangler.toolkit.stack import readiness
from strangler.toolkit.stack.readiness import is_ready


@pytest.mark.parametrize("scheme", ["postgres", "amqp", "http", "consul"])
def test_who_accepts_and_says_nothing_is_not_ready(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not is_ready(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/")


def test_a_probe_that_does_not_end_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = tmp_path / "pg_isready"
    probe.write_text("#!/bin/sh\nexec sleep 60\n")
    probe.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(readiness, "TIMEOUT", 0.2)
    assert not is_ready("postgres://127.0.0.1:1")
