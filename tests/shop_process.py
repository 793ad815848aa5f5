"""The shop as its customers meet it: a web process and a payment provider, which a test may kill."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from django.db import connection

from tests.ports import free_port, wait_for
from tests.probe import answers
from tests.python_path import PYTHON_PATH, ROOT

PATIENCE = 60.0


class Process:
    """A program in a process group of its own; `start` returns once its URL answers."""

    def __init__(self, command: list[str], environment: dict[str, str], ready: str, log: Path) -> None:
        self.command, self.environment, self.ready, self.log = command, environment, ready, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.command],
                cwd=ROOT,
                env={**self.environment, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._serves, seconds=PATIENCE)

    def kill(self) -> None:
        """All of the group at once, as a machine's failure would."""
        if self.process is not None:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _serves(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        return answers(self.ready)


class Shop:
    """`web` and `psp`, on the test's own database."""

    def __init__(self, directory: Path) -> None:
        port, psp_port = free_port(), free_port()
        self.url, self.psp_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{psp_port}"
        where = connection.settings_dict
        database = f"postgresql://{where['USER']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
        environment = {**os.environ, "PSP_STATE": str(directory / "charges.sqlite")}
        environment["PYTHONPATH"] = PYTHON_PATH
        self.psp = Process(
            ["gunicorn", "--bind", f"127.0.0.1:{psp_port}", "--threads", "32", "tests.outside.psp:app"],
            environment,
            f"{self.psp_url}/livez",
            directory / "psp.log",
        )
        self.web = Process(
            ["strangler.chassis.web", "monolith.wsgi:application"],
            {
                **environment,
                "DATABASE_URL": database,
                "BIND": f"127.0.0.1:{port}",
                "PSP_URL": self.psp_url,
                "PROCESS": "web",
            },
            f"{self.url}/livez",
            directory / "web.log",
        )

    def start(self) -> None:
        self.psp.start()
        self.web.start()

    def kill(self) -> None:
        self.web.kill()
        self.psp.kill()

    def ask(self, method: str, path: str, *, token: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=PATIENCE, **more)

    def charges(self, status: str = "approved") -> list[dict[str, Any]]:
        """What the provider holds."""
        found = requests.get(f"{self.psp_url}/charges", timeout=PATIENCE).json()
        return [charge for charge in found if charge["status"] == status]
