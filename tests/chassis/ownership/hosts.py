"""Two hosts that run the same two domains, and the step's command done by hand: what a test moves."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import requests
from psycopg import sql

from strangler.chassis.ownership import schema
from tests.consul import Consul
from tests.ports import free_port, wait_for
from tests.python_path import ROOT
from tests.rpc_process import Service
from tests.shop_process import Process

PACKAGE = "tests.chassis.ownership.tiny"
TABLES = (ROOT / "tests/chassis/ownership/tiny/schema.sql").read_text()
PATIENCE = 20.0


class Host:
    """A web and an rpc process on a database of their own."""

    def __init__(self, name: str, server: str, broker: str, consul: Consul, directory: Path) -> None:
        self.name, self.port, self.consul = name, free_port(), consul
        self.url = f"http://127.0.0.1:{self.port}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self.database = f"{server.rpartition('/')[0]}/{name}"
        self.rows = psycopg.connect(self.database, autocommit=True)
        self.rows.execute(TABLES.encode())
        self.rows.execute(schema.SCHEMA.encode())
        fence = schema.FENCE.format(table="ledger_entry", domain="'ledger'")
        self.rows.execute(fence.encode())
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": f"{PACKAGE}.settings",
            "DATABASE_URL": self.database,
            "BROKER_URL": broker,
            "CONSUL_URL": consul.url,
            "SERVICE": name,
            "OTLP_ENDPOINT": "",
            "WEB_WORKERS": "1",
            "DRAIN_SECONDS": "0",
        }
        self.logs = [directory / f"{name}-web.log", directory / f"{name}-rpc.log"]
        web = {"PROCESS": "web", "BIND": f"127.0.0.1:{self.port}", "ADVERTISE": f"127.0.0.1:{self.port}"}
        self.web = Process(
            ["strangler.chassis.web", f"{PACKAGE}.wsgi:application"],
            {**self.environment, **web},
            f"{self.url}/readyz",
            self.logs[0],
        )
        self.rpc = Service(f"{PACKAGE}.settings", {**self.environment, "PROCESS": "rpc"}, self.logs[1])

    def start(self, **environment: str) -> None:
        self.rpc.environment |= environment
        self.rpc.start(wait=False)
        self.web.start(**environment)
        wait_for(self.rpc.serves, seconds=PATIENCE)
        wait_for(lambda: self.consul.passing(self.name), seconds=PATIENCE)

    def stop(self) -> None:
        self.web.kill()
        self.rpc.kill()

    def close(self) -> None:
        self.stop()
        self.rows.close()

    def number(self, query: LiteralString, *values: object) -> int:
        row = self.rows.execute(query, values).fetchone()
        assert row is not None
        return int(row[0])

    def keys(self) -> list[str]:
        return [str(row[0]) for row in self.rows.execute("SELECT key FROM ledger_entry ORDER BY key")]

    def log(self) -> str:
        return "\n".join(path.read_text() for path in self.logs if path.exists())

    def post(self, path: str, headers: dict[str, str] | None = None, **body: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body, headers=headers, timeout=PATIENCE)

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", headers=headers, timeout=PATIENCE)


class World:
    """Both hosts, and who owns the ledger."""

    def __init__(self, old: Host, new: Host, consul: Consul) -> None:
        self.old, self.new, self.consul = old, new, consul
        self.owner, self.epoch = old, 0

    def other(self, host: Host) -> Host:
        return self.new if host is self.old else self.old

    def begin(self, owner: Host) -> None:
        """Empty ledgers, owned by this host, as everybody knows."""
        self.owner, self.epoch = owner, self.epoch + 1
        for host in (self.old, self.new):
            with host.rows.transaction():
                host.rows.execute("SET LOCAL session_replication_role = replica")
                host.rows.execute("TRUNCATE ledger_entry, desk_visit, strangler.shadow")
            # No id twice: what the last test left in a queue must not meet what this one plants.
            first = self.epoch * 100_000 + (0 if host is owner else 50_000)
            host.rows.execute("SELECT setval('ledger_entry_id_seq', %s)", [first])
            host.rows.execute(
                "INSERT INTO strangler.ownership (domain, host, owner, epoch) VALUES ('ledger', %s, %s, %s) "
                "ON CONFLICT (domain) DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch",
                [host.name, owner.name, self.epoch],
            )
        self.publish()

    def publish(self, **more: Any) -> None:
        """Tell everybody by Consul."""
        self.consul.put("strangler/domains/ledger", {"owner": self.owner.name, "epoch": self.epoch, **more})

    def flip(self, host: Host) -> None:
        host.rows.execute(
            "UPDATE strangler.ownership SET owner = %s, epoch = %s", [self.owner.name, self.epoch]
        )

    @contextmanager
    def fence(self) -> Iterator[None]:
        """Nobody writes to the owner's ledger while it is held."""
        key = [schema.LOCK_CLASS]
        with psycopg.connect(self.owner.database, autocommit=True) as session:
            session.execute("SELECT pg_advisory_lock(%s, hashtext('ledger'))", key)
            yield

    def cutover(self, *, tell: bool = True, adopt: bool = False, held: float = 0.1) -> None:
        """The other host owns the ledger from now on. `adopt`: the command dies between its two flips."""
        source, target = self.owner, self.other(self.owner)
        with self.fence():
            threading.Event().wait(held)  # writers queue up meanwhile
            self._copy(source, target)
            self.owner, self.epoch = target, self.epoch + 1
            self.flip(source)
            if adopt:
                return
            self.flip(target)
            if tell:
                self.publish()

    def _copy(self, source: Host, target: Host) -> None:
        rows = source.rows.execute("SELECT id, key, amount FROM ledger_entry").fetchall()
        with target.rows.transaction(), target.rows.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("TRUNCATE ledger_entry")
            cursor.executemany("INSERT INTO ledger_entry VALUES (%s, %s, %s)", rows)
            last = max([row[0] for row in rows], default=0)
            cursor.execute("SELECT setval('ledger_entry_id_seq', %s)", [last + 1000])
