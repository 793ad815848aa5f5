"""The traffic as a process of its own: start it, read what it records, stop it."""

import subprocess
import sys
from pathlib import Path

import msgspec

from strangler.toolkit.report.samples import Sample
from tests.traffic.calls import Call

STOP_SECONDS = 120.0


class TrafficFailed(Exception):
    """The traffic's process ended with an error of its own: it tells nothing about the shop."""


class Traffic:
    """Traffic of so many users against a base URL; its files go to `directory`."""

    def __init__(self, *, directory: Path, host: str, users: int, spawn_rate: float = 8.0) -> None:
        self.directory = directory
        self.host = host
        self.users = users
        self.spawn_rate = spawn_rate
        self.calls = CallLog(directory / "calls.jsonl")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> Path:
        return self.directory / "journal.jsonl"

    @property
    def errors(self) -> Path:
        """What the process wrote to its error stream."""
        return self.directory / "traffic.log"

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.traffic", str(self.directory), "--host", self.host]
        command += ["--users", str(self.users), "--spawn-rate", str(self.spawn_rate)]
        with self.errors.open("wb") as log:
            # A session of its own: Ctrl-C reaches this process only, which ends the traffic in good order.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )

    def check_running(self) -> None:
        """Raise if it ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise TrafficFailed(f"the traffic ended by itself: {self._tail()}")

    def stop(self) -> None:
        """Let every user finish what it is at, then end; raises if the traffic itself went wrong."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        process.stdin.close()
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise TrafficFailed(f"the traffic did not stop within {STOP_SECONDS:.0f} s") from None
        if status != 0:
            raise TrafficFailed(f"the traffic ended with status {status}: {self._tail()}")

    def kill(self) -> None:
        """End it at once; harmless if it has ended."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _tail(self) -> str:
        return "\n".join(self.errors.read_text(errors="replace").splitlines()[-30:])


class CallLog:
    """The recorded calls, read as they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls: list[Call] = []
        self._position = 0
        self._decode = msgspec.json.Decoder(Call).decode

    def read(self) -> list[Call]:
        """What is new since the last time; everything so far is in `calls`."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._position += len(complete)
        new = [self._decode(line) for line in complete.splitlines()]
        self.calls += new
        return new

    def samples(self) -> list[Sample]:
        """Every call as a sample; only an expected answer is ok."""
        return [sample(call) for call in self.calls]


def sample(call: Call) -> Sample:
    return Sample(at=call.at, seconds=call.seconds, ok=call.outcome == "ok", name=call.name)
