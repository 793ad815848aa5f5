"""The web process, serving a bare view."""

import asyncio
import os
from collections.abc import Iterator

import psutil
import pytest

from strangler.chassis.sharing import SLOTS, Board, FairWorker, join, leave
from tests.chassis.events.hosts import Program
from tests.ports import free_port, wait_for
from tests.probe import answers
from tests.python_path import ROOT

PATH = "/api/products"
ROUNDS = 10
CLIENTS = 8
REQUESTS = 40
FAIR_SHARE = 0.32
"""Of the worker with fewer; half would be even. Without `FairWorker`: 0.15 to 0.29."""
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
    command = ["strangler.chassis.web", "tests.benchmarks.bare:application"]
    program = Program(command, environment, folder / "log")

    def ready() -> bool:
        assert program.running, program.log.read_text()
        return answers(f"{program.url}{PATH}")

    program.start()
    try:
        wait_for(ready, seconds=READY_SECONDS)
        assert program.process is not None
        yield psutil.Process(program.process.pid), port
        assert program.stop() == 0
    finally:
        program.kill()


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
    rounds: list[list[int]] = []

    def fair() -> bool:
        rounds.clear()
        for _ in range(ROUNDS):
            wait_for(lambda: sum(held(arbiter, port)) == 0)
            rounds.append(asyncio.run(one_round(arbiter, port)))
        assert all(sum(each) == CLIENTS for each in rounds)
        return sum(min(each) for each in rounds) >= FAIR_SHARE * CLIENTS * ROUNDS

    # Who gets a processor decides, too.
    assert any(fair() for _ in range(3)), rounds


def test_a_killed_workers_successor_takes_part(served: tuple[psutil.Process, int]) -> None:
    """It dies with connections, which must not count any more."""
    arbiter, port = served

    before = arbiter.children()

    async def killed_meanwhile() -> None:
        writers = await asyncio.gather(*(ask(port) for _ in range(CLIENTS)))
        max(before, key=lambda worker: len(worker.net_connections("tcp"))).kill()
        for writer in writers:
            writer.close()

    asyncio.run(killed_meanwhile())
    wait_for(lambda: len(arbiter.children()) == 2 and arbiter.children() != before)
    # A worker is a child some time before it accepts.
    wait_for(lambda: sum(held(arbiter, port)) == 0 and min(asyncio.run(one_round(arbiter, port))) > 0)
    test_workers_share_the_connections(served)


def test_the_board_has_a_place_for_each_and_forgets_who_left() -> None:
    board = Board()
    workers: list[FairWorker] = []

    def begin(requests: int) -> FairWorker:
        worker = FairWorker.__new__(FairWorker)
        join(board, worker, workers)
        board.counts[worker.slot] = requests
        workers.append(worker)
        return worker

    assert board.fewest() == 0
    for number in range(SLOTS):
        begin(7 + number)
    assert board.fewest() == 7
    ended = workers.pop(0)
    leave(ended)
    assert board.fewest() == 8
    assert begin(1).slot == ended.slot
    assert board.fewest() == 1
