"""The web process, serving a bare view."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.benchmarks.load import Target, closed
from tests.ports import free_port, wait_for
from tests.probe import answers
from tests.stacks import ROOT

PATH = "/api/products"
ROUNDS = 10
CLIENTS = 8
ASKING_SECONDS = 0.5
READY_SECONDS = 20


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[psutil.Process, int]]:
    """The arbiter of two workers, and the port."""
    folder, port = tmp_path_factory.mktemp("web"), free_port()
    (folder / "body.json").write_text("{}")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "BIND": f"127.0.0.1:{port}",
        "BARE_BODY": str(folder / "body.json"),
        "WEB_WORKERS": "2",
    }
    command = [sys.executable, "-m", "strangler.chassis.web", "tests.benchmarks.bare:application"]
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, cwd=ROOT)

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        return answers(f"http://127.0.0.1:{port}{PATH}")

    try:
        wait_for(ready, seconds=READY_SECONDS)
        yield psutil.Process(process.pid), port
    finally:
        process.terminate()
        assert process.wait() == 0


def held(arbiter: psutil.Process, port: int) -> list[int]:
    """How many connections each worker has."""
    return [
        sum(1 for c in worker.net_connections("tcp") if c.laddr.port == port and c.raddr)
        for worker in arbiter.children()
    ]


def test_workers_share_the_connections(served: tuple[psutil.Process, int]) -> None:
    arbiter, port = served
    target = Target.of(f"http://127.0.0.1:{port}", PATH)
    fewest = 0
    with ThreadPoolExecutor(1) as pool:
        for _ in range(ROUNDS):
            wait_for(lambda: sum(held(arbiter, port)) == 0)
            asking = pool.submit(closed, target, clients=CLIENTS, seconds=ASKING_SECONDS)
            wait_for(lambda: sum(held(arbiter, port)) == CLIENTS)
            fewest += min(held(arbiter, port))
            asking.result()

    assert fewest >= CLIENTS * ROUNDS / 3, "half of them would be fair"
