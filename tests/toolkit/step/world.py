"""The second project's two databases and Consul, and the `strangler` command as a process."""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from strangler.toolkit.cli import app
from strangler.toolkit.consul import KeyValues
from tests.consul import Consul
from tests.ports import wait_for
from tests.postgres import LOGICAL, Postgres

ROOT = Path(__file__).resolve().parents[3]
PLAN = "tests/second_project/plan.yaml"
HOSTS = {"library": "tests.second_project.library", "books": "tests.second_project.bookshelf"}
COMMAND_SECONDS = 120
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s)"
END_SENDER = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s"
SUBSCRIPTIONS = """
SELECT subname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE datname = %s
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit status (negative: the signal that killed it), and what it said."""

    status: int
    out: str
    said: str


class World:
    """`library` owns books and loans; `books` is prepared and empty. `reset` brings that back."""

    def __init__(self) -> None:
        # A worker that ended is started again at once, not after five seconds.
        self.server = Postgres(*LOGICAL, "wal_retrieve_retry_interval=100ms", "max_connections=200")
        self.consul = Consul()

    def start(self) -> None:
        self.postgres = self.server.start()
        self.consul.start()
        self.store = KeyValues(self.consul.url)
        passwords = {f"{host.upper()}_DB_PASSWORD": "only-for-tests" for host in HOSTS}
        self.toolkit("provision", *HOSTS, status=0, **passwords)
        for host in HOSTS:
            self._migrate(host)
        for host in HOSTS:
            self.run("postgres", f"ALTER DATABASE {host} ALLOW_CONNECTIONS false")
            self.run("postgres", f"CREATE DATABASE {host}_empty TEMPLATE {host}")
            self.run("postgres", f"ALTER DATABASE {host} ALLOW_CONNECTIONS true")

    def stop(self) -> None:
        self.consul.stop()
        self.server.stop()

    def url(self, host: str, user: str = "postgres") -> str:
        return make_conninfo(self.postgres, dbname=host, user=user)

    def connect(self, host: str, user: str = "postgres") -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(self.url(host, user), autocommit=True, row_factory=dict_row)

    def rows(self, host: str, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self.connect(host) as connection:
            return connection.execute(statement, parameters or None).fetchall()

    def run(self, host: str, statement: str) -> None:
        with self.connect(host) as connection:
            connection.execute(statement)

    def toolkit(self, *arguments: str, status: int | None = 0, **environment: str) -> Done:
        """Run a command to its end, in a process of its own; its exit status must be as expected (None: any).

        Forked, not started: the imports are most of a short command's time."""
        addresses = {"POSTGRES_URL": self.postgres, "CONSUL_URL": self.consul.url, "BROKER_URL": ""}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = os.fork()
            if not process:
                _command(arguments, {**addresses, **environment}, out.fileno(), err.fileno())
            done = Done(_ended(process), *(_text(file) for file in (out, err)))
        assert status is None or done.status == status, f"{arguments}: {done.status}\n{done.said}"
        return done

    def strangler(self, verb: str, *arguments: str, status: int | None = 0, **environment: str) -> Done:
        return self.toolkit(verb, *arguments, "--plan", PLAN, status=status, **environment)

    def migrate(self, *arguments: str, **options: Any) -> Done:
        """To stage 1; nobody compares answers here, and that is accepted."""
        accepted = ("--accept-inconclusive", "--shadow-seconds", "0")
        return self.strangler("migrate", "--to", "1", *accepted, *arguments, **options)

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.strangler("status", "--json").out)
        return answer

    def leftovers(self) -> list[str]:
        """Slots, subscriptions, roles, publications, triggers and schemas that a step has made."""
        found = self.rows("postgres", "SELECT slot_name AS n FROM pg_replication_slots")
        found += self.rows("postgres", "SELECT subname AS n FROM pg_subscription")
        found += self.rows("postgres", "SELECT rolname AS n FROM pg_roles WHERE rolname LIKE 'strangler%'")
        for host in HOSTS:
            found += self.rows(host, "SELECT pubname AS n FROM pg_publication")
        found += self.rows("library", "SELECT tgname AS n FROM pg_trigger WHERE tgname LIKE 'strangler%'")
        found += self.rows("library", "SELECT nspname AS n FROM pg_namespace WHERE nspname = 'strangler'")
        return [row["n"] for row in found]

    def reset(self) -> None:
        """Everything as it was at the start, whatever a test has left."""
        self.rows("postgres", END_SESSIONS, [[*HOSTS]])
        for host in HOSTS:
            for row in self.rows("postgres", SUBSCRIPTIONS, [host]):
                name = row["subname"]
                self.run(host, f"ALTER SUBSCRIPTION {name} DISABLE")
                self.run(host, f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")
                self.run(host, f"DROP SUBSCRIPTION {name}")
        for row in self.rows("postgres", "SELECT slot_name FROM pg_replication_slots"):
            self._drop_slot(row["slot_name"])
        for host in HOSTS:
            self.run("postgres", f"DROP DATABASE {host} WITH (FORCE)")
            self.run("postgres", f"CREATE DATABASE {host} TEMPLATE {host}_empty OWNER {host}")
        for row in self.rows("postgres", "SELECT rolname FROM pg_roles WHERE rolname LIKE 'strangler%'"):
            self.run("postgres", f"DROP ROLE {row['rolname']}")
        self.store.transaction([{"Verb": "delete-tree", "Key": "strangler/"}])

    def seed(self, books: int) -> None:
        """So many books with an author each, and a loan."""
        self.run(
            "library",
            f"""
            INSERT INTO books_author (name) SELECT 'author ' || n FROM generate_series(1, 10) n;
            INSERT INTO books_book (title, pages, isbn)
                SELECT 'book ' || n, n, 'seed-' || n FROM generate_series(1, {books}) n;
            INSERT INTO books_book_authors (book_id, author_id) SELECT id, id % 10 + 1 FROM books_book;
            INSERT INTO lending_loan (book_id, reader) SELECT id, 'reader' FROM books_book LIMIT 10;
        """,
        )

    def _drop_slot(self, name: str) -> None:
        def dropped() -> bool:
            try:
                self.rows("postgres", END_SENDER, [name])
                self.rows("postgres", "SELECT pg_drop_replication_slot(%s)", [name])
            except psycopg.errors.ObjectInUse:
                return False
            except psycopg.errors.UndefinedObject:
                return True
            return True

        wait_for(dropped)

    def _migrate(self, host: str) -> None:
        subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "django", "migrate", "-v", "0"],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "DJANGO_SETTINGS_MODULE": HOSTS[host],
                "DATABASE_URL": f"postgresql://{host}@{self.server_address}/{host}",
                "SERVICE": host,
                "CONSUL_URL": "",
            },
            check=True,
            timeout=COMMAND_SECONDS,
        )

    @property
    def server_address(self) -> str:
        return self.postgres.split("@")[1].split("/")[0]


def _command(arguments: Sequence[str], environment: Mapping[str, str], out: int, err: int) -> NoReturn:
    """Be the command. In the forked process, which never returns from here."""
    status = 70
    try:
        os.chdir(ROOT)
        os.environ.update(environment)
        # Ignored, and so for every child, where the tests run in a shell's background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stdin = io.StringIO()
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        app(list(arguments))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as the test
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _ended(process: int) -> int:
    deadline = time.monotonic() + COMMAND_SECONDS
    ended, status = 0, 0

    def over() -> bool:
        nonlocal ended, status
        ended, status = os.waitpid(process, os.WNOHANG)
        return ended != 0

    try:
        wait_for(over, seconds=deadline - time.monotonic())
    except AssertionError:
        os.kill(process, 9)
        os.waitpid(process, 0)
        raise
    return os.waitstatus_to_exitcode(status)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
