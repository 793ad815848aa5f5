"""The shop's own speed, asked directly: list, detail, checkout, and a bare Django view beside it."""

import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import requests

from strangler.toolkit.stack import Stack, leftovers
from strangler.toolkit.stack.program import Layout, Program
from strangler.toolkit.stack.starting import Starter
from strangler.toolkit.stack.supervision import Supervisor
from tests.benchmarks.load import Result, Target, closed, each
from tests.benchmarks.processes import processor_seconds, used
from tests.benchmarks.rows import Row
from tests.ports import free_port

CLIENTS = 8
CUSTOMERS = 50
PASSWORD = "correct-horse-battery"
LIST = "/api/products?page_size=20"
DETAIL = "/api/products/7"
LIST_TARGET = 0.5
FINER = 4
"""Turns for each of the others', of half the length: what else the machine does comes in bursts, which
short turns share out."""


def reads(stack: Stack, direct: str, *, seconds: float, rounds: int) -> list[Row]:
    """List and detail in turns with the bare view, so that all share the machine's mood."""
    with bare_view(stack, requests.get(direct + LIST, timeout=10).content) as bare:
        targets = {
            "product list of 20": Target.of(direct, LIST),
            "bare view, same bytes": Target.of(bare, "/api/products"),
            "product detail": Target.of(direct, DETAIL),
        }
        results = {name: Result([], 0.0) for name in targets}
        processor = dict.fromkeys(targets, 0.0)
        for target in targets.values():
            closed(target, clients=CLIENTS, seconds=1.0)
        for _ in range(rounds * FINER):
            for name, target in targets.items():
                before = processor_seconds(stack)
                results[name] += closed(target, clients=CLIENTS, seconds=seconds * 2 / FINER)
                processor[name] += used(before, processor_seconds(stack))
    rows = []
    for name, result in results.items():
        rows.append(Row("shop", f"{name}, {CLIENTS} clients", round(result.per_second), "requests/s"))
        if not name.startswith("bare"):
            per_cpu = len(result.latencies) / max(processor[name], 0.01)
            rows.append(
                Row("shop", name, round(per_cpu), "requests/CPU-s", note="all processes of the stack")
            )
    ratio = results["product list of 20"].per_second / results["bare view, same bytes"].per_second
    rows.append(
        Row(
            "shop", "product list ÷ bare view", round(ratio, 2), "×", LIST_TARGET, at_most=False, note="rates"
        )
    )
    return rows


def checkouts(stack: Stack, direct: str, tokens: list[str], *, rounds: int) -> list[Row]:
    """Checkouts only: the carts are filled beforehand, untimed."""
    addresses = [_address(direct, token) for token in tokens]
    result, processor = Result([], 0.0), 0.0
    for _ in range(rounds):
        for number, token in enumerate(tokens):
            put = requests.put(
                f"{direct}/api/cart/lines/{number + 1 if (number + 1) % 25 else 1}",
                json={"quantity": 1},
                headers=_bearer(token),
                timeout=10,
            )
            put.raise_for_status()
        targets = [
            Target.of(
                direct,
                "/api/checkout",
                method="POST",
                headers={**_bearer(token), "Idempotency-Key": uuid.uuid4().hex},
                body=msgspec.json.encode({"payment_token": "tok_ok", "address": address}),
            )
            for token, address in zip(tokens, addresses, strict=True)
        ]
        before = processor_seconds(stack)
        result += each(targets, clients=CLIENTS)
        processor += used(before, processor_seconds(stack))
    return [
        Row("shop", f"checkout, {CLIENTS} clients", round(result.per_second, 1), "requests/s"),
        Row(
            "shop",
            "checkout",
            round(len(result.latencies) / max(processor, 0.01), 1),
            "requests/CPU-s",
            note="all processes of the stack",
        ),
        Row("shop", "checkout p50", round(result.ms(0.5), 1), "ms"),
        Row("shop", "checkout p99", round(result.ms(0.99), 1), "ms"),
    ]


def log_in(base: str) -> list[str]:
    """Access tokens of the seeded customers."""
    found = []
    for number in range(1, CUSTOMERS + 1):
        body = {"email": f"customer-{number:03d}@shop.example", "password": PASSWORD}
        answer = requests.post(f"{base}/api/auth/token", json=body, timeout=10)
        answer.raise_for_status()
        found.append(str(answer.json()["access"]))
    return found


# What the bare view is told as the shop is.
SHARED = ("WEB_WORKERS", "WEB_THREADS", "OTLP_ENDPOINT", "TRACE_SAMPLE_RATIO")


@contextmanager
def bare_view(stack: Stack, body: bytes) -> Iterator[str]:
    """The bare view under the same gunicorn, as many workers and threads, traced alike, its log taken by a
    supervisord too; its base URL."""
    shop = stack.environment("web")
    layout = Layout(stack.layout.root, stack.layout.run / "bare")
    layout.prepare()
    file = layout.run / "body.json"
    file.write_bytes(body)
    address = f"127.0.0.1:{free_port()}"
    base = f"http://{address}"
    program = Program(
        name="bare",
        command=[sys.executable, "-m", "strangler.chassis.web", "tests.benchmarks.bare:application"],
        environment={
            **layout.base_environment(),
            **{name: shop[name] for name in SHARED},
            "BIND": address,
            "BARE_BODY": str(file),
        },
        ready=f"{base}/api/products",
    )
    supervisor = Supervisor(layout)
    supervisor.write([program])
    try:
        supervisor.start()
        Starter(supervisor, lambda *_: None).start({program.name: program}, {})
        yield base
    finally:
        leftovers.stop_leftovers(layout.run)
        shutil.rmtree(layout.run)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _address(base: str, token: str) -> int:
    answer = requests.get(f"{base}/api/me/addresses", headers=_bearer(token), timeout=10)
    answer.raise_for_status()
    return int(answer.json()["results"][0]["id"])
