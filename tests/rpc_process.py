"""A host's rpc process, started and ended as supervision would."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.ports import free_port, wait_for
from tests.probe import answers

ROOT = Path(__file__).resolve().parents[1]


class Service:
    """A host's rpc process; `start` returns once it serves."""

    def __init__(self, settings: str, environment: dict[str, str], log: Path) -> None:
        self.settings, self.environment, self.log = settings, environment, log
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def health(self) -> str:
        return f"http://127.0.0.1:{self.port}/readyz"

    def start(self, *, wait: bool = True) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "strangler.chassis.rpc", self.settings],
                cwd=ROOT,
                env={**self.environment, "BIND": f"127.0.0.1:{self.port}"},
                stdout=log,
                stderr=log,
            )
        if wait:
            wait_for(self.serves, seconds=60)

    def serves(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        return answers(self.health)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def terminate(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
