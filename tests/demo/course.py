"""The demo's course: stage 0, traffic, each step forward, back and forward again, the audit."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.report.samples import Summary, between, summarise
from strangler.toolkit.stack import Stack
from strangler.toolkit.step.canary import SMALL
from tests.demo.ways import Way, carry_out, figures, ways
from tests.ledger.audit import Audit, Ledger
from tests.traffic.calls import Call
from tests.traffic.process import Traffic, TrafficFailed, sample

WARM_UP_SECONDS = 10.0
EXPECTED_STEP_SECONDS = 9.0
EXPECTED_MIGRATION_SECONDS = 75.0
TICK_SECONDS = 0.25
SETTLE_SECONDS = 150.0
SELDOM_READ = {"notifications"}
"""Domains of which a canary sees too little for a verdict."""


class Options(msgspec.Struct):
    """`minutes`: how long the traffic lasts. `least_requests`: fewer prove nothing, and fail."""

    minutes: float
    users: int
    to: int
    least_requests: int


class Step(msgspec.Struct):
    """A way from one stage to the next, or back; times are seconds since the epoch."""

    source: int
    target: int
    before: float
    started: float
    moves: str = ""
    ended: float = 0.0
    after: float = 0.0
    services: dict[str, float] = {}
    figures: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return f"{self.source} → {self.target}"

    @property
    def back(self) -> bool:
        return self.target < self.source

    @property
    def reasons(self) -> list[str]:
        """Why the move proves nothing: what was compared on the way, and the verdicts on the canary."""
        if not self.moves or self.back:
            return []
        measured = self.figures.get(self.moves, {})
        shadow, windows = measured.get("shadow", {}), measured.get("canary", {}).get("windows", [])
        found = []
        if not shadow.get("compared", 0) + shadow.get("swept", 0):
            found.append("no answer was compared")
        if differing := shadow.get("mismatched", 0) + shadow.get("sweep_differs", 0):
            found.append(f"{differing} compared answers differ")
        # A smaller window sees too little, and one of what few people read does.
        bad = {"fail"} if self.moves in SELDOM_READ else {"fail", "inconclusive"}
        judged = [window for window in windows if window["percent"] >= SMALL]
        if not judged or any(window["verdict"] in bad for window in judged):
            found.append(f"the canary was not passed: {listed(windows)}")
        return [f"step {self.name}, {self.moves}: {reason}" for reason in found]


class Outcome(msgspec.Struct):
    """Everything the demo has seen. `started` to `ended`: the measured time, without warming up."""

    options: Options
    began: datetime
    up_seconds: float
    started: float
    ended: float
    steps: list[Step]
    calls: list[Call]
    audit: Audit
    problems: list[str] = []

    @property
    def failed(self) -> list[Call]:
        return [call for call in self.calls if call.outcome != "ok"]

    @property
    def reasons(self) -> list[str]:
        """Why the demo failed; empty if it passed."""
        found = []
        measured = sum(self.started <= call.at < self.ended for call in self.calls)
        if self.failed:
            found.append(f"{len(self.failed)} of {len(self.calls)} requests failed")
        if measured < self.options.least_requests:
            found.append(f"{measured} requests are fewer than {self.options.least_requests}")
        if self.audit.discrepancies:
            found.append(f"the ledger shows {len(self.audit.discrepancies)} discrepancies")
        found += [f"the ledger has no {name}" for name, count in self.audit.counts.items() if not count]
        found += [reason for step in self.steps for reason in step.reasons]
        return found + self.problems


class Watching:
    """What is told while it runs; the live view fills it with life."""

    def phase(self, text: str) -> None:
        """Something new begins."""

    def service(self, name: str, state: str) -> None:
        """A service changed its state."""

    def said(self, line: str) -> None:
        """A command of the toolkit's said so."""

    def calls(self, new: list[Call]) -> None:
        """These calls have been made."""


class Course:
    """One demo in one run directory."""

    def __init__(self, *, stack: Stack, directory: Path, options: Options, watching: Watching) -> None:
        self.stack = stack
        self.options = options
        self.watching = watching
        self.traffic = Traffic(directory=directory, host=stack.url, users=options.users)
        self.steps: list[Step] = []
        self.problems: list[str] = []

    def run(self) -> Outcome:
        """All of it; whatever happens, nothing is left running."""
        began, started_up = datetime.now(UTC), time.monotonic()
        try:
            self.watching.phase("stage 0 starts")
            self.stack.up(0, self.watching.service)
            up_seconds = time.monotonic() - started_up
            ledger = Ledger.opened(self.stack)
            started = self._arrive()
            # What goes wrong from here on is told in the report, with what there is of it.
            with self._noting_problems():
                self._make_steps(started)
            ended = time.time()
            self.watching.phase("traffic ends")
            with self._noting_problems():
                self.traffic.stop()
            self.watching.calls(self.traffic.calls.read())
            self.watching.phase("audit: waiting for what is eventual, then comparing the books")
            audit = ledger.settle(self.traffic.journal, seconds=SETTLE_SECONDS)
            return Outcome(
                options=self.options,
                began=began,
                up_seconds=round(up_seconds, 1),
                started=started,
                ended=ended,
                steps=self.steps,
                calls=self.traffic.calls.calls,
                audit=audit,
                problems=self.problems,
            )
        finally:
            self.watching.phase("everything stops")
            self.traffic.kill()
            self.stack.down()

    def _arrive(self) -> float:
        """When all users were there and the processes warm."""
        self.watching.phase(f"stage 0, {self.options.users} users arrive")
        self.traffic.start()
        self._watch(WARM_UP_SECONDS + self.options.users / self.traffic.spawn_rate)
        return time.time()

    def _make_steps(self, started: float) -> None:
        course = list(ways(self.options.to))
        expected = sum(
            EXPECTED_MIGRATION_SECONDS if way.commands else EXPECTED_STEP_SECONDS for way in course
        )
        window = (self.options.minutes * 60 - expected) / (len(course) + 1)
        before = started
        self.watching.phase("stage 0, before the first step")
        self._watch(max(window, 5.0))
        for way in course:
            step = Step(way.source, way.target, before, started=time.time(), moves=way.moves)
            self.steps.append(step)
            self._take(step, way)
            before = step.ended
            self.watching.phase(f"stage {way.target}, after {step.name}")
            self._watch(max(window, 5.0))
            step.after = time.time()

    def _take(self, step: Step, way: Way) -> None:
        self.watching.phase(f"step {step.name}" + (" (rollback)" if step.back else ""))

        def watch(service: str, state: str) -> None:
            step.services[f"{service} {state}"] = round(time.time() - step.started, 2)
            self.watching.service(service, state)

        try:
            with self._reading():
                if way.commands:
                    log = self.traffic.directory / "steps.log"
                    carry_out(way, self.stack, log=log, say=self.watching.said)
                    step.figures = figures(self.stack, max(way.source, way.target))
                else:
                    self.stack.up(step.target, watch)
        finally:
            step.ended = step.after = time.time()

    def _watch(self, seconds: float) -> None:
        """Let time pass, and look at what happens."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(TICK_SECONDS, left))
            self.traffic.check_running()
            self.watching.calls(self.traffic.calls.read())

    @contextmanager
    def _noting_problems(self) -> Iterator[None]:
        try:
            yield
        except (ToolkitError, TrafficFailed) as error:
            self.problems.append(str(error))
            self.watching.said(str(error))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Read the calls on the side while something else blocks."""
        with repeating(TICK_SECONDS, lambda: self.watching.calls(self.traffic.calls.read())):
            yield


@contextmanager
def repeating(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    """Do something again and again in a thread while the block runs."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            action()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def listed(windows: list[dict[str, Any]]) -> str:
    """A canary's windows in words."""
    return "; ".join(f"{w['percent']} %: {w['verdict']} ({w['reason']})" for w in windows) or "no window"


def around(step: Step, calls: list[Call]) -> dict[str, Summary]:
    """The calls before, during and after a step, in figures."""
    samples = [sample(call) for call in calls]
    windows = {
        "before": (step.before, step.started),
        "during": (step.started, step.ended),
        "after": (step.ended, step.after),
    }
    return {
        name: summarise(between(samples, start, end), seconds=end - start)
        for name, (start, end) in windows.items()
    }
