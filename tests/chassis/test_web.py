"""The web process, serving a bare view."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.ports import free_port, wait_for
from tests.probe import answers
from tests.stacks import ROOT

PATH = "/api/products"
ROUNDS = 10
CLIENTS = 8
REQUESTS = 40
FAIR_SHARE = 0.3
"""Of the worker with fewer; half would be even. Without `FairWorker` it is a tenth to a quarter."""
BODY = b"{}"
READY_SECONDS = 20


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[psutil.Process, int]]:
    """The arbiter of two workers, and the port."""
    folder, port = tmp_path_factory.mktemp("web"), free_port()
    (folder / "body.json").write_bytes(BODY)
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


async def ask(port: int) -> asyncio.StreamWriter:
    """Some requests on a connection that stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(REQUESTS):
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await reader.readuntil(BODY)
    return writer


async def one_round(arbiter: psutil.Process, port: int) -> list[int]:
    """How the workers share clients that come together."""
    writers = await asyncio.gather(*(ask(port) for _ in range(CLIENTS)))
    each = held(arbiter, port)
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    return each


def test_workers_share_the_connections(served: tuple[psutil.Process, int]) -> None:
    arbiter, port = served
    rounds = []
    for _ in range(ROUNDS):
        wait_for(lambda: sum(held(arbiter, port)) == 0)
        rounds.append(asyncio.run(one_round(arbiter, port)))

    assert all(sum(each) == CLIENTS for each in rounds)
    assert sum(min(each) for each in rounds) >= FAIR_SHARE * CLIENTS * ROUNDS, rounds
