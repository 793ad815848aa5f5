"""The health of a process that serves nothing else."""

import socket

import pytest

from strangler.chassis.events import health
from strangler.chassis.events.health import Health
from tests.ports import free_port


def test_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SILENT_SECONDS", 0.2)
    port = free_port()
    Health(dict).start(f"127.0.0.1:{port}")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as silent:
        assert silent.recv(1) == b""
