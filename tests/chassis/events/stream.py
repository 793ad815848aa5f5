"""A steady stream of events, and what must be true of it at the other end."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable

from tests.chassis.events.hosts import Host

RATE = 100
AGGREGATES = 20


def in_order(kept: Iterable[tuple[str, int]]) -> bool:
    """Whether each aggregate's events are in the order in which they were published."""
    by_aggregate = defaultdict(list)
    for name, number in kept:
        by_aggregate[name].append(number)
    return all(numbers == sorted(numbers) for numbers in by_aggregate.values())


class Stream:
    """Publishes RATE events a second from a process of its own; `committed` are those that are."""

    def __init__(self, maker: Host) -> None:
        self.process = maker.maker()
        self.committed: list[tuple[str, int]] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write), threading.Thread(target=self._read)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=30)
        self.process.wait(timeout=30)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _write(self) -> None:
        assert self.process.stdin is not None
        started, sent = time.monotonic(), 0
        while not self._over.wait(max(0.0, started + sent / RATE - time.monotonic())):
            packed = " packed" if sent % 3 == 0 else ""
            self.process.stdin.write(f"a{sent % AGGREGATES} {sent // AGGREGATES} keep{packed}\n")
            self.process.stdin.flush()
            sent += 1
        self.process.stdin.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            name, number, *_ = line.split()
            self.committed.append((name, int(number)))
