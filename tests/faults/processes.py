"""The processes of a stack as seen from outside, and the shop as its clients see it."""

import os
import signal
from contextlib import suppress

import psutil
import requests

from strangler.toolkit.stack import Stack
from tests.traffic.calls import Call
from tests.traffic.process import Traffic

TIMEOUT = 5


def kill_worker(stack: Stack, service: str) -> int:
    """kill -9 of one of gunicorn's workers, of which the arbiter is the main process; its pid."""
    arbiter = psutil.Process(stack.status()[service]["pid"])
    pid: int = arbiter.children()[0].pid
    os.kill(pid, signal.SIGKILL)
    return pid


def kill_everything(stack: Stack) -> int:
    """A power cut: kill -9 of supervisord and of all that it ever started; how many that was.

    Frozen first, so that nobody sees anybody else die and acts on it.
    """
    pid = int((stack.layout.run / "supervisord.pid").read_text())
    supervisor = psutil.Process(pid)
    processes = [supervisor, *supervisor.children(recursive=True)]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # a worker dies with its arbiter
                process.send_signal(number)
    psutil.wait_procs(processes, timeout=TIMEOUT)
    return len(processes)


def answers(stack: Stack, path: str = "/api/products?page_size=1") -> bool:
    """Whether the shop answers a client as it should."""
    try:
        return requests.get(stack.url + path, timeout=TIMEOUT).status_code == 200
    except requests.RequestException:
        return False


def whereabouts(stack: Stack) -> str:
    """Which instances Consul knows, with their health, and which services and routers the gateway has."""
    told = []
    for service, port, path in (("consul", 8500, "/v1/health/state/any"), ("traefik", 8081, "/api/rawdata")):
        try:
            told.append(requests.get(f"http://{stack.address(service, port)}{path}", timeout=TIMEOUT).text)
        except requests.RequestException as error:
            told.append(f"{service}: {error}")
    return "\n".join(told)


def new_orders(traffic: Traffic) -> list[Call]:
    """Checkouts acknowledged with an order since the last look at the calls."""
    return [call for call in traffic.calls.read() if call.name == "checkout" and call.status == 201]
