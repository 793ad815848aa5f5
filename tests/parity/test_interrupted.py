"""A comparison that is ended before its time leaves nothing behind."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from strangler.toolkit.parity.cli import OFFSETS
from strangler.toolkit.stack.leftovers import processes_of
from tests.parity import ENVIRONMENT
from tests.ports import free_base, wait_for
from tests.python_path import ROOT

ENDED_SECONDS = 60
INTERRUPTED = 130


def begun(log: Path) -> bool:
    """Whether the broker has said something: for its first tenth of a second, Erlang loses a SIGTERM."""
    return log.exists() and log.stat().st_size > 0


def test_terminated_comparison_takes_down_what_it_started() -> None:
    with tempfile.TemporaryDirectory(prefix="interrupted-") as directory:
        Path(directory).chmod(0o755)
        run = Path(directory) / "parity" / "reference"
        base = free_base() - OFFSETS["reference"]
        process = subprocess.Popen(
            [sys.executable, "-m", "strangler.toolkit", "parity", "--candidate", "http://127.0.0.1:1"],
            env={**os.environ, "RUN_DIR": directory, "PORT_BASE": str(base)},
            cwd=ROOT,
        )
        try:
            wait_for(lambda: begun(run / "logs/rabbitmq.log"), seconds=ENDED_SECONDS)
            config = (run / "supervisord.conf").read_text()
            assert all(f'{name}="{value}"' in config for name, value in ENVIRONMENT.items())
            process.terminate()
            assert process.wait(ENDED_SECONDS) == INTERRUPTED
        finally:
            process.kill()
            process.wait()
            left = processes_of(run)
            for one in left:
                one.kill()
        assert left == []
        assert not run.exists()
