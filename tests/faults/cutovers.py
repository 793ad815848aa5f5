"""A domain's cutovers and rollbacks in a row, under writers and readers through the gateway.

    ./run strangler migrate --to 3 …      # once, on a running stack
    python -m tests.faults.cutovers --times 20

Every write that was acknowledged is looked for: a price before it is overwritten, some seconds and maybe a
cutover later, and what was there last on both sides at the end. The pauses are printed.
"""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Any

import psycopg
import requests
import typer

from strangler.toolkit.stack import Stack
from strangler.toolkit.stack.running import run_directory

ROOT = Path(__file__).resolve().parents[2]
STAGE, DOMAIN = 3, "catalog"
STAFF = {"email": "staff@shop.example", "password": "correct-horse-battery"}
FAST = ("--windows", "100", "--window-seconds", "1", "--shadow-seconds", "0", "--accept-inconclusive")
PATIENCE = 20.0
PRODUCTS = 800
"""Of the seeds, shared among the writers: a price stands for longer than a replica is behind."""


class Load:
    """Writers that give products new prices and add products, each its own; readers of lists and details."""

    def __init__(self, url: str, *, writers: int, readers: int, products: int = PRODUCTS) -> None:
        self.url = url
        self.shares = [range(n + 1, products + 1, writers) for n in range(writers)]
        self.prices: dict[int, str] = {}
        self.unsure: set[int] = set()
        self.skus: list[str] = []
        self.failures: list[str] = []
        self.lost: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.waits: list[float] = []
        self._stop = threading.Event()
        self.log_in()
        self.threads = [threading.Thread(target=self._write, args=(n,)) for n in range(writers)]
        self.threads += [threading.Thread(target=self._read, args=(n,)) for n in range(readers)]
        self._lock = threading.Lock()

    def log_in(self) -> None:
        """A token lives ten minutes."""
        answer = requests.post(f"{self.url}/api/auth/token", json=STAFF, timeout=PATIENCE)
        answer.raise_for_status()
        self.staff = {"Authorization": f"Bearer {answer.json()['access']}"}

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self.threads:
            thread.join()

    def _ask(
        self, session: requests.Session, method: str, path: str, **more: Any
    ) -> requests.Response | None:
        started = time.monotonic()
        try:
            answer = session.request(method, self.url + path, timeout=PATIENCE, **more)
        except requests.RequestException as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return None
        with self._lock:
            self.statuses[answer.status_code] += 1
            if method != "GET":
                self.waits.append(time.monotonic() - started)
        if answer.status_code >= 400:
            self.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer

    def _write(self, number: int) -> None:
        session = requests.Session()
        for turn, product in enumerate(itertools.cycle(self.shares[number]), start=1):
            if self._stop.is_set():
                return
            session.headers.update(self.staff)
            self._look(session, product)
            price = f"{turn // 100 + 1}.{turn % 100:02d}"
            if self._ask(session, "PATCH", f"/api/products/{product}", json={"price": price}) is not None:
                self.prices[product] = price
                self.unsure.discard(product)
            else:
                self.unsure.add(product)
            if turn % 10 == 0:
                sku = f"load-{os.getpid()}-{number}-{turn}"
                new = {"sku": sku, "name": sku, "description": "", "price": "1.00", "category": "kitchen"}
                if self._ask(session, "POST", "/api/products", json=new) is not None:
                    self.skus.append(sku)
            self._stop.wait(0.02)

    def _look(self, session: requests.Session, product: int) -> None:
        """The price that was acknowledged last is still there."""
        if product not in self.prices or product in self.unsure:
            return
        answer = self._ask(session, "GET", f"/api/products/{product}")
        if answer is not None and (found := answer.json()["price"]) != self.prices[product]:
            self.lost.append(f"product {product} has {found}, not {self.prices[product]}")

    def _read(self, number: int) -> None:
        session = requests.Session()
        while not self._stop.is_set():
            path = "/api/products?page_size=20" if number % 2 else f"/api/products/{number + 100}"
            self._ask(session, "GET", path)
            self._stop.wait(0.05)


def missing(load: Load, url: str) -> list[str]:
    """What was acknowledged and is not in a database as it should be."""
    with psycopg.connect(url) as connection:
        prices: dict[int, str] = dict(
            connection.execute("SELECT id, price::text FROM catalog_product").fetchall()
        )
        skus = Counter(row[0] for row in connection.execute("SELECT sku FROM catalog_product").fetchall())
    wrong = [
        f"product {product} has {prices[product]}, not {price}"
        for product, price in load.prices.items()
        if product not in load.unsure and prices[product] != price
    ]
    return wrong + [f"{sku}: {skus[sku]} times" for sku in load.skus if skus[sku] != 1]


def main(
    times: Annotated[int, typer.Option(help="How many cutovers, each but the last with a rollback.")] = 20,
    writers: int = 8,
    readers: int = 16,
) -> None:
    """Exit status 1 if a request failed, an acknowledged write is not where it should be, or sides differ."""
    run = run_directory(ROOT)
    state = Stack(ROOT, run).state
    assert state is not None, "./run up first"
    stack = Stack(ROOT, run, state.port_base)
    load = Load(stack.url, writers=writers, readers=readers)
    pauses: list[float] = []
    parts: list[dict[str, float]] = []
    load.start()
    try:
        for turn in range(times):
            load.log_in()
            for phase, command in (
                ("cutover", ("migrate", "--to", str(STAGE), *FAST)),
                ("rollback", ("rollback", "--domain", DOMAIN)),
            ):
                if phase == "rollback" and turn == times - 1:
                    continue
                figures = strangler(*command)[phase]
                pauses.append(figures["pause_ms"])
                parts.append(figures["parts_ms"])
                say(f"{turn + 1:3} {phase:8} {figures['pause_ms']:7.1f} ms {figures['parts_ms']}")
    except KeyboardInterrupt:
        say("interrupted")
    finally:
        load.stop()
    differ: list[str] = strangler("verify", check=False)["problems"]
    postgres = stack.environment("provision")["POSTGRES_URL"]
    wrong = [
        f"{host}: {what}"
        for host in ("monolith", DOMAIN)
        for what in missing(load, postgres.rsplit("/", 1)[0] + f"/{host}")
    ]
    say(histogram(pauses))
    longest = max(load.waits, default=0.0)
    say(f"requests {dict(load.statuses)}, {len(load.failures)} failed, longest write {longest:.2f} s")
    requested = sum(load.statuses.values())
    say(f"{requested} requests, {len(load.skus)} products added, {len(load.lost)} prices lost")
    found = (load.failures, load.lost, wrong, differ)
    for problems in found:
        for problem in problems[:10]:
            say(problem)
    raise typer.Exit(1 if any(found) else 0)


def strangler(*command: str, check: bool = True) -> Any:
    """Run a command; the figures of its step."""
    done = subprocess.run(
        [sys.executable, "-m", "strangler.toolkit", *command, "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=check,
    )
    answer = json.loads(done.stdout)
    return answer["steps"][0]["figures"] if "steps" in answer else answer


def histogram(pauses: list[float]) -> str:
    """How many pauses were how long."""
    bounds = [25, 50, 75, 100, 150, 200, 250, 500, 1000, float("inf")]
    lower, lines = 0.0, []
    for bound in bounds:
        count = sum(lower <= pause < bound for pause in pauses)
        lines.append(f"{lower:6.0f} to {bound:5.0f} ms {'#' * count} {count or ''}")
        lower = bound
    cut = quantiles(pauses, n=100, method="inclusive") if len(pauses) > 1 else pauses * 99
    return "\n".join([*lines, f"p50 {cut[49]:.0f} ms, p99 {cut[98]:.0f} ms, longest {max(pauses):.0f} ms"])


def say(text: str) -> None:
    """A line for whoever watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
