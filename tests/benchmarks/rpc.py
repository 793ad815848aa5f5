"""One remote call, ours and bare Nameko's in turns: what deadlines, checks, policies and traces cost.

Both answer the same text from a process of their own, over the same broker. Theirs is called by Nameko's own
standalone proxy, which keeps one connection and waits for the broker to confirm each message.
"""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.client import Client
from tests.benchmarks.rows import Row
from tests.chassis.rpc.counting.contract import Counting
from tests.ports import wait_for
from tests.rabbitmq import RabbitMQ

ROOT = Path(__file__).resolve().parents[2]
TARGET = 1.3
START_SECONDS = 20.0
TEXT = "a text of some forty characters, as it were"


def on_a_broker_of_their_own(*, seconds: float, rounds: int) -> list[Row]:
    """The rows, from a RabbitMQ that has nothing else to do."""
    broker = RabbitMQ()
    try:
        return calls(broker.start(), seconds=seconds, rounds=rounds)
    finally:
        broker.stop()


def calls(broker: str, *, seconds: float, rounds: int) -> list[Row]:
    """The median of one call after the other, and the ratio of both."""
    ours: list[float] = []
    theirs: list[float] = []
    with our_caller(broker) as call_ours, their_caller(broker) as call_theirs:
        for _ in range(rounds):
            ours += timed(call_ours, seconds)
            theirs += timed(call_theirs, seconds)
    mine, bare = quantiles(ours, n=100), quantiles(theirs, n=100)
    return [
        Row("rpc", "a call, p50", round(mine[49] * 1000, 2), "ms"),
        Row("rpc", "a call, p99", round(mine[98] * 1000, 2), "ms"),
        Row("rpc", "bare Nameko, p50", round(bare[49] * 1000, 2), "ms"),
        Row("rpc", "bare Nameko, p99", round(bare[98] * 1000, 2), "ms"),
        Row("rpc", "a call ÷ bare Nameko, p50", round(mine[49] / bare[49], 2), "×", TARGET),
    ]


def timed(call: Callable[[], object], seconds: float) -> list[float]:
    """How long each of the calls took that fit into so many seconds."""
    found = []
    ends = time.perf_counter() + seconds
    while (started := time.perf_counter()) < ends:
        call()
        found.append(time.perf_counter() - started)
    return found


@contextmanager
def our_caller(broker: str) -> Iterator[Callable[[], object]]:
    """Calls the tiny service of the chassis's tests."""
    settings = "tests.chassis.rpc.counting.settings"
    environment = {
        "BROKER_URL": broker,
        "SERVICE": "bench",
        # It is asked for nothing.
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
        "CONSUL_URL": "",
        "OTLP_ENDPOINT": "",
        "BIND": "",
        "LOG_LEVEL": "WARNING",
    }
    client = Client(broker, locate=lambda domain: "bench")
    echo = Counting.methods["echo"]

    def call() -> object:
        return client.call("counting", echo, {"text": TEXT})

    try:
        with process("strangler.chassis.rpc", settings, **environment):
            wait_for(lambda: answered(call), seconds=START_SECONDS)
            yield call
    finally:
        client.close()


@contextmanager
def their_caller(broker: str) -> Iterator[Callable[[], object]]:
    """Calls the bare service by Nameko's own proxy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nameko.exceptions import UnknownService
        from nameko.standalone.rpc import ClusterRpcProxy

    def served() -> bool:
        try:
            proxy.bare.echo(text=TEXT)
        except UnknownService:
            return False
        return True

    with (
        process("tests.benchmarks.bare_nameko", broker),
        ClusterRpcProxy({"AMQP_URI": broker}, timeout=START_SECONDS) as proxy,
    ):
        wait_for(served, seconds=START_SECONDS)
        yield lambda: proxy.bare.echo(text=TEXT)


def answered(call: Callable[[], object]) -> bool:
    """Whether our service answers."""
    try:
        with deadline.within(1.0):
            call()
    except DomainUnavailable:
        return False
    return True


@contextmanager
def process(module: str, *arguments: str, **environment: str) -> Iterator[None]:
    """A Python module as a process."""
    running = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        yield
    finally:
        running.terminate()
        try:
            running.wait(timeout=10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
