"""A light load generator: keep-alive connections on asyncio, each request's bytes prepared beforehand.

Its own cost is some 60 µs of processor time a request, the same for every target. Closed loop: each client
sends its next request as soon as it has the answer, so that the rate is what the target can do. Paced: each
client sends at fixed times, below what the target can do, and a latency counts from the time at which the
request was due (so that a stall is not left out: "coordinated omission").
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from strangler.toolkit.report.samples import quantile

Request = tuple[str, str, dict[str, str], bytes]


class Unexpected(Exception):
    """An answer that the benchmark cannot count."""


class Target(msgspec.Struct):
    """Where the requests go; `prepared` is the bytes of one request."""

    host: str
    port: int
    prepared: bytes

    @classmethod
    def of(
        cls,
        base: str,
        path: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> "Target":
        parts = urlsplit(base)
        assert parts.hostname is not None
        assert parts.port is not None
        return cls(parts.hostname, parts.port, prepare(parts.netloc, method, path, headers or {}, body))


class Result(msgspec.Struct):
    """Latencies in seconds, and over how many seconds they were collected."""

    latencies: list[float]
    seconds: float

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def ms(self, share: float) -> float:
        return (quantile(sorted(self.latencies), share) or 0.0) * 1000

    def __add__(self, other: "Result") -> "Result":
        return Result(self.latencies + other.latencies, self.seconds + other.seconds)


def prepare(netloc: str, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {netloc}", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def closed(target: Target, *, clients: int, seconds: float) -> Result:
    """So many clients, each as fast as it is answered."""

    async def one(deadline: float, latencies: list[float]) -> None:
        client = await Client.open(target.host, target.port)
        while (started := time.perf_counter()) < deadline:
            await client.ask(target.prepared)
            latencies.append(time.perf_counter() - started)
        client.close()

    return _all([one] * clients, seconds)


def paced(target: Target, *, clients: int, per_second: float, seconds: float) -> Result:
    """So many clients, together at this rate, evenly spread."""
    interval = clients / per_second

    def client_number(number: int) -> Callable[[float, list[float]], object]:
        async def one(deadline: float, latencies: list[float]) -> None:
            client = await Client.open(target.host, target.port)
            due = time.perf_counter() + interval * number / clients
            while due < deadline:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                # A late wake-up of ours is not the target's; a late answer to the request before is.
                sent = time.perf_counter() if due > client.answered_at else due
                await client.ask(target.prepared)
                latencies.append(time.perf_counter() - sent)
                due += interval
            client.close()

        return one

    return _all([client_number(number) for number in range(clients)], seconds)


def each(targets: Sequence[Target], *, clients: int) -> Result:
    """Every request once, shared out among so many clients."""
    left = list(reversed(targets))

    async def one(deadline: float, latencies: list[float]) -> None:
        client = await Client.open(targets[0].host, targets[0].port)
        while left:
            prepared = left.pop().prepared
            started = time.perf_counter()
            await client.ask(prepared)
            latencies.append(time.perf_counter() - started)
        client.close()

    return _all([one] * clients, None)


def _all(ones: Sequence[Callable[[float, list[float]], object]], seconds: float | None) -> Result:
    async def run() -> Result:
        latencies: list[float] = []
        started = time.perf_counter()
        deadline = started + (seconds or 0.0)
        async with asyncio.TaskGroup() as group:
            for one in ones:
                group.create_task(one(deadline, latencies))  # type: ignore[arg-type]
        return Result(latencies, time.perf_counter() - started)

    return asyncio.run(run())


class Client(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiting: asyncio.Future[None] | None = None
        self.buffer = b""
        self.answered_at = 0.0

    @classmethod
    async def open(cls, host: str, port: int) -> "Client":
        _, client = await asyncio.get_running_loop().create_connection(cls, host, port)
        return client

    def close(self) -> None:
        assert self.transport is not None
        self.transport.close()

    def ask(self, prepared: bytes) -> "asyncio.Future[None]":
        """Send; done when the whole answer is there and is a success."""
        assert self.transport is not None
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(prepared)
        return self.waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        fields = self.buffer[:head].lower()
        at = fields.find(b"\r\ncontent-length:")
        if at >= 0:
            end = fields.find(b"\r\n", at + 2)
            length = int(fields[at + 17 : end if end > 0 else head])
            complete = len(self.buffer) >= head + 4 + length
        else:
            complete = b"chunked" in fields and self.buffer.endswith(b"\r\n0\r\n\r\n", head)
        if complete:
            answer, self.buffer, self.answered_at = self.buffer, b"", time.perf_counter()
            if self.waiting is not None and not self.waiting.done():
                if answer[9:10] == b"2":
                    self.waiting.set_result(None)
                else:
                    self.waiting.set_exception(Unexpected(answer[:600].decode(errors="replace")))

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(error or Unexpected("the server closed the connection"))
