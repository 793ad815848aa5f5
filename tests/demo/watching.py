"""The live view: the phase, the last seconds' figures, the services; plain lines without a terminal."""

import time
from collections import deque

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from strangler.toolkit.report.samples import summarise
from tests.demo.course import Watching
from tests.traffic.calls import Call
from tests.traffic.process import sample

WINDOW_SECONDS = 3.0
PLAIN_SECONDS = 10.0
STYLES = {"ready": "green", "done": "green", "starting": "yellow", "draining": "magenta", "stopped": "dim"}


class View(Watching):
    """Use it as a context: it draws while the block runs."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()
        self.live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self.current = ""
        self.states: dict[str, str] = {}
        self.recent: deque[Call] = deque()
        self.requests = 0
        self.failures = 0
        self._plain_due = 0.0

    def __enter__(self) -> "View":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def phase(self, text: str) -> None:
        self.current = text
        self.states = {}
        self.console.print(f"[dim]{self._elapsed():6.1f} s[/]  [bold]{text}[/]")
        self._plain_due = time.monotonic() + PLAIN_SECONDS
        self._draw()

    def service(self, name: str, state: str) -> None:
        self.states[name] = state
        if not self.live:
            self.console.print(f"{self._elapsed():6.1f} s    {name} {state}")
        self._draw()

    def said(self, line: str) -> None:
        if line.strip():
            self.console.print(f"{self._elapsed():6.1f} s    {line}", markup=False)

    def calls(self, new: list[Call]) -> None:
        self.recent.extend(new)
        self.requests += len(new)
        for call in new:
            if call.outcome != "ok":
                self.failures += 1
                if self.failures <= 20:
                    self.console.print(f"[red]{call.outcome}[/] {escape(call.detail[:300])}")
        oldest = time.time() - WINDOW_SECONDS
        while self.recent and self.recent[0].at < oldest:
            self.recent.popleft()
        if not self.live and time.monotonic() > self._plain_due:
            self._plain_due = time.monotonic() + PLAIN_SECONDS
            self.console.print(f"{self._elapsed():6.1f} s    {self._figures()}")
        self._draw()

    def _figures(self) -> str:
        now = summarise([sample(call) for call in self.recent], seconds=WINDOW_SECONDS)
        return (
            f"{now.per_second:g} requests/s, p50 {now.p50_ms or 0:.0f} ms, p99 {now.p99_ms or 0:.0f} ms; "
            f"{self.requests:,} in all, {self.failures} failed"
        )

    def _draw(self) -> None:
        if not self.live:
            return
        table = Table.grid(padding=(0, 2))
        for name, state in self.states.items():
            table.add_row(name, f"[{STYLES.get(state, 'default')}]{state}[/]")
        style = "bold red" if self.failures else "bold green"
        self.live.update(
            Group(Text(self.current, style="bold"), Text(self._figures(), style=style), table), refresh=False
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self.started
