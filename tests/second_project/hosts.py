"""The two hosts as processes, and clients that write to the monolith all the while."""

import os
import threading
from pathlib import Path
from typing import Any

import requests

from tests.ports import free_port
from tests.shop_process import Process
from tests.toolkit.step.world import HOSTS, ROOT, World

PATIENCE = 30.0


class Host:
    """A host's web and rpc process."""

    def __init__(self, world: World, broker: str, name: str, directory: Path) -> None:
        port, rpc_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SERVICE": name,
            "DJANGO_SETTINGS_MODULE": HOSTS[name],
            "DATABASE_URL": f"postgresql://{name}@{world.server_address}/{name}",
            "BROKER_URL": broker,
            "CONSUL_URL": world.consul.url,
            "RPC_HOSTS": "lending=library",
            "WEB_WORKERS": "1",
            "OTLP_ENDPOINT": "",
        }
        web = {"PROCESS": "web", "BIND": f"127.0.0.1:{port}", "ADVERTISE": f"127.0.0.1:{port}"}
        self.web = Process(
            ["strangler.chassis.web", "tests.second_project.wsgi:application"],
            {**environment, **web},
            f"{self.url}/readyz",
            directory / f"{name}-web.log",
        )
        rpc = {"PROCESS": "rpc", "BIND": f"127.0.0.1:{rpc_port}", "ADVERTISE": f"127.0.0.1:{rpc_port}"}
        self.rpc = Process(
            ["strangler.chassis.rpc", HOSTS[name]],
            {**environment, **rpc},
            f"http://127.0.0.1:{rpc_port}/readyz",
            directory / f"{name}-rpc.log",
        )

    def start(self, **environment: str) -> None:
        self.web.start(**environment)
        self.rpc.start(**environment)

    def kill(self) -> None:
        self.web.kill()
        self.rpc.kill()


class Clients:
    """Inside the `with` block, clients of one URL: each adds books, and counts the pages of its own."""

    def __init__(self, url: str, count: int = 4) -> None:
        self.url = url
        self.added: dict[str, int] = {}
        self.pages: dict[int, int] = {}
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(count)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        session, turn = requests.Session(), 0
        mine = self._ask(session, "POST", "/books", {"title": "mine", "isbn": f"c{number}"})["id"]
        while not self._stop.wait(0.02):
            turn += 1
            isbn = f"c{number}-{turn}"
            self.added[isbn] = self._ask(session, "POST", "/books", {"title": isbn, "isbn": isbn}).get(
                "id", 0
            )
            answer = self._ask(session, "PATCH", f"/books/{mine}", {"more": 1})
            self.pages[mine] = answer.get("pages", 0)
            if self.pages[mine] != turn:
                self.failures.append(f"book {mine} has {self.pages[mine]} pages after {turn} were added")
            # A row that rests can be compared while it is read.
            self._ask(session, "GET", f"/books/{turn % 200 + 1}", None)

    def _ask(self, session: requests.Session, method: str, path: str, body: Any) -> dict[str, Any]:
        try:
            answer = session.request(method, self.url + path, json=body, timeout=PATIENCE)
        except requests.RequestException as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return {}
        if answer.status_code >= 300:
            self.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            return {}
        found: dict[str, Any] = answer.json()
        return found
