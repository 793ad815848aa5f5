"""Tiny hosts as real processes on real databases: started, killed and started again by tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, LiteralString

import kombu
import psycopg

from strangler.chassis.events import topology
from strangler.chassis.events.broker import connected
from tests.ports import free_port, wait_for
from tests.probe import answers

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = "tests.chassis.events.settings"
EMPTY = "events_empty"
TABLES = """
CREATE TABLE kept (
    place bigserial PRIMARY KEY, name text NOT NULL, number int NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
START_SECONDS = 30.0


class Program:
    """A process of a host, in a group of its own."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.command, self.environment, self.log = command, environment, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Program":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def url(self) -> str:
        return f"http://{self.environment['BIND']}"

    def ready(self) -> bool:
        assert self.running, self.log.read_text()
        return answers(f"{self.url}/readyz")

    def kill(self) -> None:
        """As a machine's failure would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self, *, seconds: float = 20.0) -> int:
        """As supervision would; its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(timeout=seconds)
        self.process = None
        return status


class Host:
    """A host with its database, empty, and no queues yet. `programs` are those that were started."""

    def __init__(self, name: str, domains: str, *, postgres: str, broker: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        self.gate = directory / "gate"
        self.programs: list[Program] = []
        with kombu.Connection(broker) as connection:
            channel: Any = connection.channel()
            for queue in (topology.queue(name), topology.dead(name), topology.tasks(name)):
                channel.queue_delete(queue)
        self.database_url = f"{postgres.rpartition('/')[0]}/{name}"
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "SERVICE": name,
            "DOMAINS": domains,
            "DATABASE_URL": self.database_url,
            "BROKER_URL": broker,
            "GATE": str(self.gate),
            "CONSUL_URL": "",
            "OTLP_ENDPOINT": "",
            "BIND": "",
            "PYTHONPATH": str(ROOT),
        }
        with psycopg.connect(postgres, autocommit=True) as admin:
            self._prepare_template(admin)
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE {EMPTY}'.encode())
        self.database = psycopg.connect(self.database_url, autocommit=True)

    def relay(self, **environment: str) -> Program:
        """A relay, running; it has said that it is ready."""
        return self._ready(["strangler.chassis.events.relay", SETTINGS], "relay", environment)

    def worker(self, **environment: str) -> Program:
        """A worker, running, which takes events."""
        command = ["strangler.chassis.worker", "tests.chassis.events.worker:app"]
        return self._ready(command, "worker", environment)

    def maker(self) -> subprocess.Popen[str]:
        """A process that publishes what is written to it, and says each line that is committed."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.chassis.events.making.operations"],
            cwd=ROOT,
            env={**self.environment, "PROCESS": "web"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def make(self, *lines: str) -> None:
        """Publish `<name> <number> <how> [packed]` each."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.chassis.events.making.operations"],
            cwd=ROOT,
            env={**self.environment, "PROCESS": "web"},
            input="".join(f"{line}\n" for line in lines),
            text=True,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr

    def number(self, sql: LiteralString, *values: Any) -> int:
        """What a query answers that answers one number."""
        row = self.database.execute(sql, values).fetchone()
        assert row is not None
        return int(row[0])

    def kept(self, name: str = "%") -> list[tuple[str, int]]:
        """What keeping has, in the order in which it was kept."""
        sql = "SELECT name, number FROM kept WHERE name LIKE %s ORDER BY place"
        return [(str(row[0]), int(row[1])) for row in self.database.execute(sql, [name])]

    def unpublished(self) -> int:
        """How many events no relay has sent yet."""
        return self.number("SELECT count(*) FROM events_outbox WHERE published_at IS NULL")

    def close(self) -> None:
        for program in self.programs:
            program.kill()
        self.database.close()

    def _prepare_template(self, admin: psycopg.Connection[Any]) -> None:
        """The tables that every host has, made once on each server."""
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [EMPTY]).fetchone():
            return
        # It gets its name once it is whole.
        admin.execute(f"DROP DATABASE IF EXISTS {EMPTY}_begun".encode())
        admin.execute(f"CREATE DATABASE {EMPTY}_begun".encode())
        url = f"{self.database_url.rpartition('/')[0]}/{EMPTY}_begun"
        migrate = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
        environment = {**self.environment, "DATABASE_URL": url}
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True, timeout=60)
        with psycopg.connect(url) as connection:
            connection.execute(TABLES)
        admin.execute(f"ALTER DATABASE {EMPTY}_begun RENAME TO {EMPTY}".encode())

    def _ready(self, command: list[str], process: str, environment: dict[str, str]) -> Program:
        bound = {"PROCESS": process, "BIND": f"127.0.0.1:{free_port()}", **environment}
        log = self.directory / f"{self.name}-{process}-{len(self.programs)}.log"
        program = Program(command, {**self.environment, **bound}, log)
        self.programs.append(program.start())
        wait_for(program.ready, seconds=START_SECONDS)
        return program


def arrived(broker: str, host: str, *, count: int) -> list[Any]:
    """The messages of a host's queue, once there are so many and no more come."""
    found: list[Any] = []
    channel = connected(broker, lambda channel: None)
    channel.amqp.basic_consume(topology.queue(host), no_ack=True, callback=found.append)

    def all_there() -> bool:
        while channel.read(0.2):
            pass  # a frame; a message has three
        return len(found) >= count

    wait_for(all_there, seconds=30)
    channel.close()
    return found
