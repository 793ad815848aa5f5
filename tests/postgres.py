"""A PostgreSQL of our own for tests of one process: started in a second, thrown away at the end."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.ports import free_port

PLACES = [
    *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
    Path("/usr/local/bin"),
    Path("/usr/bin"),
]
SETTINGS = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=logical",
    "listen_addresses=127.0.0.1",
]


LOGICAL = ["wal_level=logical", "max_wal_senders=20", "max_replication_slots=20", "max_worker_processes=20"]
"""What replication needs besides."""

DURABLE = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"]
"""What is written to disk before it is said to be committed, as users' databases do it."""


class Postgres:
    """`start()` gives its URL; `stop()` ends it and removes its files."""

    def __init__(self, *more: str) -> None:
        self.more = more
        self.directory = Path(tempfile.mkdtemp(prefix="test-postgres-"))
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.directory, self.user)

    def start(self) -> str:
        port = free_port()
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        options = " ".join(
            f"-c {setting}" for setting in [*SETTINGS, *self.more, f"port={port}", "unix_socket_directories="]
        )
        self._run("pg_ctl", "-w", "-s", "-l", str(self.directory / "log"), "-o", options, "start")
        return f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def stop(self) -> None:
        self._run("pg_ctl", "-s", "-m", "immediate", "stop")
        shutil.rmtree(self.directory)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [_path(program), "-D", str(self.directory / "data"), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
        )


def version() -> int:
    """The major one."""
    said = subprocess.run([_path("postgres"), "--version"], check=True, capture_output=True, text=True).stdout
    return int(said.split()[2].split(".")[0])


def _path(program: str) -> str:
    return next((str(p / program) for p in PLACES if (p / program).exists()), program)
