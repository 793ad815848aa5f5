"""A Consul of our own for tests: in memory, on ports of its own."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from strangler.toolkit.consul import ConsulError, KeyValues
from tests.ports import free_port, wait_for

HOST = "127.0.0.1"
PLACE = Path(__file__).resolve().parents[1] / ".venv" / "opt" / "bin"


@contextmanager
def agent(*settings: str) -> Iterator["Consul"]:
    """One that knows nothing yet, and is stopped afterwards."""
    started = Consul(*settings)
    try:
        started.start()
        yield started
    finally:
        started.stop()


class Consul:
    """`start()` gives its URL; `stop()` ends it and with it all that it knew."""

    def __init__(self, *settings: str) -> None:
        self.more = [f"-hcl={setting}" for setting in settings]
        self.url = f"http://{HOST}:{free_port()}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start it, and return once it takes writes."""
        program = shutil.which("consul", path=f"{PLACE}{os.pathsep}{os.environ['PATH']}") or "consul"
        port = self.url.rsplit(":", 1)[-1]
        ports = ["-dns-port=-1", "-grpc-port=-1", f"-http-port={port}"]
        ports += [f"-{name}-port={free_port()}" for name in ("server", "serf-lan", "serf-wan")]
        self.process = subprocess.Popen(
            [
                program,
                "agent",
                "-dev",
                f"-client={HOST}",
                f"-bind={HOST}",
                "-log-level=err",
                *ports,
                *self.more,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.answers, seconds=20)
        return self.url

    def answers(self) -> bool:
        """Whether it takes writes now."""
        try:
            KeyValues(self.url).transaction([{"Verb": "delete", "Key": "nothing"}])
        except ConsulError:
            return False
        return True

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def put(self, key: str, value: Any) -> None:
        """Write a value, as JSON."""
        requests.put(f"{self.url}/v1/kv/{key}", data=json.dumps(value), timeout=5).raise_for_status()

    def passing(self, service: str) -> int:
        """How many instances of a service pass their checks."""
        return len(requests.get(f"{self.url}/v1/health/service/{service}?passing", timeout=5).json())
