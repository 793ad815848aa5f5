"""Instances in the catalogue: one joins, each drains on SIGTERM under traffic, and none at all is a 503."""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from strangler.toolkit.stack import Stack
from tests.edge.client import TIMEOUT, Client, code, steadily
from tests.ports import free_port, wait_for
from tests.python_path import ROOT
from tests.stacks import strangler

READY_SECONDS = 30
DRAINED_SECONDS = 40


def instances(stack: Stack) -> set[str]:
    """The monolith's instances that Consul finds healthy."""
    url = f"http://{stack.address('consul', 8500)}/v1/health/service/monolith?passing=1"
    found = requests.get(url, timeout=TIMEOUT).json()
    return {f"{entry['Service']['Address']}:{entry['Service']['Port']}" for entry in found}


def unavailable(stack: Stack) -> dict[str, int]:
    """By which routers the gateway has answered 503: for the message of a test that fails."""
    lines = (stack.layout.logs / "traefik.log").read_text().splitlines()
    entries = [json.loads(line) for line in lines if '"DownstreamStatus":503' in line]
    return Counter(f"{entry['RouterName']} to {entry.get('ServiceAddr', 'nobody')}" for entry in entries)


def threads(pid: int) -> int:
    """How many a process has."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))


@contextmanager
def second_web(stack: Stack) -> Iterator[subprocess.Popen[bytes]]:
    """Another web process of the host, registered and taking its turns."""
    address = f"127.0.0.1:{free_port()}"
    before = stack.environment("web")
    command = ["-m", "strangler.chassis.web", "monolith.wsgi:application"]
    with (stack.layout.logs / "second-web.log").open("ab") as log:
        process = subprocess.Popen(
            [before["PATH"].split(":")[0] + "/python", *command],
            env={**before, "BIND": address, "ADVERTISE": address},
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(lambda: address in instances(stack), seconds=READY_SECONDS)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(DRAINED_SECONDS)


@pytest.fixture
def patient(stack: Stack) -> Iterator[None]:
    """A gateway may stand still for longer than it is given by default to hear who leaves."""
    strangler(stack, "config", "set", "monolith", "drain_seconds", "6")
    yield
    strangler(stack, "config", "rollback", "monolith")


@pytest.mark.usefixtures("patient")
def test_both_drain_under_traffic_and_no_request_fails(stack: Stack, customer: Client, product: int) -> None:
    kept, fresh = Client(stack.url), Client(stack.url, "customer-006@shop.example")
    calls = [
        lambda: kept.get("/api/products?page_size=20"),
        lambda: requests.get(f"{stack.url}/api/categories", timeout=TIMEOUT),
        lambda: fresh.ask("PUT", f"/api/cart/lines/{product}", json={"quantity": 2}),
        lambda: customer.get("/api/orders"),
    ]
    with steadily(*calls, pause=0.005) as seen:
        with second_web(stack) as second:
            stack.restart("web")
            wait_for(lambda: len(instances(stack)) == 2, seconds=READY_SECONDS)
            served = len(seen)
            wait_for(lambda: len(seen) > served + 200)
            assert threads(second.pid) == 1, "what forks has no other thread"
            os.kill(second.pid, signal.SIGTERM)
            assert second.wait(DRAINED_SECONDS) == 0
        served = len(seen)
        wait_for(lambda: len(seen) > served + 200)

    assert len(seen) > 500
    failed = [answer for answer in seen if answer.status != 200]
    assert not failed, f"{len(failed)} of {len(seen)}: {failed[:3]}; the gateway: {unavailable(stack)}"
    assert len(instances(stack)) == 1


@pytest.fixture
def nobody(stack: Stack) -> Iterator[None]:
    stack.supervisor.stop("web")
    try:
        yield
    finally:
        stack.supervisor.run("web")
        stack.wait_ready()
        wait_for(lambda: Client(stack.url).get("/api/categories").status_code == 200)


def test_where_nobody_is_left_the_gateway_says_so_in_the_shops_shape(
    nobody: None, stack: Stack, anonymous: Client, customer: Client
) -> None:
    assert instances(stack) == set()
    token = {"Authorization": f"Bearer {customer.tokens['access']}"}
    asked = [
        anonymous.get("/api/products"),
        anonymous.ask("POST", "/api/auth/token", json={"email": "a@b.example", "password": "x"}),
        # In chunks: what is not read of it would be taken for the next request.
        anonymous.ask("POST", "/api/auth/register", data=iter([b'{"a":', b"1}"])),
        anonymous.get("/api/me", headers=token),
        anonymous.ask("POST", "/api/checkout", headers=token, json={}),
        anonymous.get("/api/products"),
    ]
    for answer in asked:
        assert (answer.status_code, code(answer)) == (503, "service_unavailable"), answer.request.url
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["X-Request-Id"]
