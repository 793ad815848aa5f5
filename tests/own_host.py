"""An extracted host by itself: its own database, prepared, and its processes on a broker; no other host."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.chassis.events.hosts import Program
from tests.ports import free_port, wait_for
from tests.python_path import PYTHON_PATH, ROOT
from tests.rpc_process import Service

PREPARE_SECONDS = 120
READY_SECONDS = 60.0


class OwnHost:
    """A host of this name. `close` ends what was started."""

    def __init__(self, name: str, *, postgres: str, broker: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        with psycopg.connect(postgres, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
            admin.execute(f'CREATE DATABASE "{name}"'.encode())
        self.database_url = f"{postgres.rpartition('/')[0]}/{name}"
        kept = {k: v for k, v in os.environ.items() if k not in ("SECRET_KEY", "CONFIG_KEY", "STAGE")}
        self.environment = {
            **kept,
            "DJANGO_SETTINGS_MODULE": f"{name}.settings",
            "SERVICE": name,
            "DATABASE_URL": self.database_url,
            "BROKER_URL": broker,
            "RPC_HOSTS": "accounts=monolith inventory=monolith",
            "CONSUL_URL": "",
            "OTLP_ENDPOINT": "",
            "SEED": "demo",
            "PYTHONPATH": PYTHON_PATH,
        }
        self._programs: list[Program] = []
        self._services: list[Service] = []
        prepare = [sys.executable, "-m", "django", "prepare", "--verbosity=0"]
        subprocess.run(
            prepare,
            cwd=ROOT,
            env={**self.environment, "PROCESS": "migrate"},
            check=True,
            timeout=PREPARE_SECONDS,
            capture_output=True,
        )

    def tables(self) -> set[str]:
        """The tables of its database."""
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        with psycopg.connect(self.database_url) as connection:
            return {row[0] for row in connection.execute(sql)}

    def rpc(self) -> Service:
        """Its rpc process, serving."""
        service = Service(f"{self.name}.settings", {**self.environment, "PROCESS": "rpc"}, self._log("rpc"))
        self._services.append(service)
        service.start()
        return service

    def program(self, process: str, *command: str) -> Program:
        """Another of its processes, ready."""
        bound = {**self.environment, "PROCESS": process, "BIND": f"127.0.0.1:{free_port()}"}
        program = Program(list(command), bound, self._log(process))
        self._programs.append(program.start())
        wait_for(program.ready, seconds=READY_SECONDS)
        return program

    def close(self) -> None:
        programs: list[Program | Service] = [*self._programs, *self._services]
        for started in programs:
            started.kill()

    def _log(self, process: str) -> Path:
        return self.directory / f"{self.name}-{process}.log"
