"""A journey: calls to both systems in lockstep, every answer compared before the next call."""

import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec

from strangler.toolkit.parity.calls import Answer, Call, Taken
from strangler.toolkit.parity.client import System
from strangler.toolkit.parity.comparison import Comparison, Difference
from strangler.toolkit.parity.rules import Rules

POLL_SECONDS = 0.02

Condition = Callable[[Any], bool]


class Exchange(msgspec.Struct, kw_only=True):
    """A call and what the two systems answered. `waited`: seconds until both had reached what the journey
    waits for, reference first; None where it does not wait. `attempts`: how often it was made meanwhile."""

    call: Call
    reference: Answer
    candidate: Answer
    waited: tuple[float, float] | None = None
    attempts: int = 1


class Finding(AssertionError):
    """The two systems do not behave alike, or neither as the journey says they must."""

    def __init__(self, name: str, exchanges: list[Exchange], differences: list[Difference]) -> None:
        self.name = name
        self.exchanges = exchanges
        self.differences = differences
        super().__init__(name)

    def __str__(self) -> str:
        from strangler.toolkit.parity.text import finding

        return finding(self)


class Both:
    """The two systems, asked at the same time."""

    def __init__(self, reference: System, candidate: System) -> None:
        self.reference = reference
        self.candidate = candidate
        self._other = ThreadPoolExecutor(max_workers=1, thread_name_prefix="candidate")

    def send(self, reference: Call, candidate: Call) -> tuple[Answer, Answer]:
        future = self._other.submit(self.candidate.send, candidate)
        answer = self.reference.send(reference)
        return answer, future.result()

    def close(self) -> None:
        self._other.shutdown()
        self.reference.close()
        self.candidate.close()


@contextmanager
def both(reference: str, candidate: str) -> Iterator[Both]:
    """The systems at these two base URLs."""
    pair = Both(System("reference", reference), System("candidate", candidate))
    try:
        yield pair
    finally:
        pair.close()


class Journey:
    """One run against both systems. `name` is unique to the run: what it makes can carry it in its names.

    What is known of `systems` holds for no other run, whatever its addresses.
    """

    def __init__(self, name: str, systems: Both, rules: Rules) -> None:
        self.name = name
        self.rules = rules
        self.exchanges: list[Exchange] = []
        self.systems = systems
        self._answers: tuple[list[Answer], list[Answer]] = ([], [])
        self._comparison = Comparison(rules, bases=(systems.reference.base_url, systems.candidate.base_url))

    def call(
        self,
        method: str,
        path: str,
        *,
        expect: int | None = None,
        until: Condition | None = None,
        within: float = 10.0,
        **parts: Any,
    ) -> Taken:
        """Make a call to both; returns what later calls take values from.

        `parts`: query, headers, json, body of the `Call`. `expect`: the status that both must answer.
        `until`: an effect that may come later: the call is repeated until the reference's and the
        candidate's body each fulfil it and the answers are equal, for at most `within` seconds. Late is all
        that an answer may be: one that no call may get, or a server error of one system alone, ends it.
        """
        call = Call(method=method, path=path, **parts)
        resolved = [call.resolved(answers) for answers in self._answers]
        if until is None:
            exchange, differences = self._once(call, *resolved)
        else:
            exchange, differences = self._eventually(call, *resolved, until=until, within=within)
        self._note(exchange)
        differences = differences or self._defects(exchange, expect)
        if differences:
            raise Finding(self.name, self.exchanges, differences)
        return Taken(len(self.exchanges) - 1)

    def reuse(self, exchange: Exchange) -> Taken:
        """Count an earlier journey's call as this one's, without making it again: a login, say."""
        self._comparison.differences(exchange.call.path, exchange.reference, exchange.candidate)
        self._note(exchange)
        return Taken(len(self.exchanges) - 1)

    def body(self, taken: Taken) -> Any:
        """The reference's value, to decide what to call next: the candidate's but for identifiers."""
        value: Any = self._answers[0][taken.step].body
        for key in taken.path:
            value = value[key]
        return value

    def status(self, taken: Taken) -> int:
        return self._answers[0][taken.step].status

    def _note(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self._answers[0].append(exchange.reference)
        self._answers[1].append(exchange.candidate)

    def _once(self, call: Call, reference: Call, candidate: Call) -> tuple[Exchange, list[Difference]]:
        answers = self.systems.send(reference, candidate)
        exchange = Exchange(call=call, reference=answers[0], candidate=answers[1])
        return exchange, self._comparison.differences(call.path, *answers)

    def _eventually(
        self, call: Call, reference: Call, candidate: Call, *, until: Condition, within: float
    ) -> tuple[Exchange, list[Difference]]:
        started = time.monotonic()
        reached: list[float | None] = [None, None]
        attempts = 0
        while True:
            attempts += 1
            answers = self.systems.send(reference, candidate)
            now = time.monotonic() - started
            for side, answer in enumerate(answers):
                if reached[side] is None and _fulfils(answer, until):
                    reached[side] = now
            trial = self._comparison.trial()
            differences = trial.differences(call.path, *answers)
            done = None not in reached and not differences
            failed = self._failed(*answers)
            if done or failed or now > within:
                break
            time.sleep(POLL_SECONDS)
        self._comparison = trial
        for side, name in enumerate(("reference", "candidate")):
            if reached[side] is None and not failed:
                differences = [*differences, _late(name, within)]
        waited = (reached[0] or now, reached[1] or now)
        exchange = Exchange(
            call=call, reference=answers[0], candidate=answers[1], waited=waited, attempts=attempts
        )
        return exchange, differences

    def _failed(self, reference: Answer, candidate: Answer) -> bool:
        """Whether one of the answers is not merely early but wrong."""
        here, there = reference.status, candidate.status
        return not self.rules.defects.isdisjoint((here, there)) or (here != there and max(here, there) >= 500)

    def _defects(self, exchange: Exchange, expect: int | None) -> list[Difference]:
        here, there = exchange.reference.status, exchange.candidate.status
        if expect is not None and here != expect:
            why = f"both answer alike, but the journey expects {expect}"
        elif here in self.rules.defects:
            why = "both answer alike, but no call may be answered so"
        else:
            return []
        return [Difference(where="status", reference=here, candidate=there, why=why)]


def outcome(journey: Journey, act: Callable[[Journey], None]) -> Finding | None:
    """What is found when the journey is carried out. One that breaks off by an error of its own has found
    something too: its calls read answers, and one was not as it could be read."""
    try:
        act(journey)
    except Finding as finding:
        return finding
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and other journeys still run
        return Finding(journey.name, journey.exchanges, [_broken(error)])
    return None


def _fulfils(answer: Answer, until: Condition) -> bool:
    """An answer that the condition cannot even read, plain text for an object, does not fulfil it yet."""
    try:
        return until(answer.body)
    except Exception:  # noqa: BLE001 - it is asked again, and whoever waits in vain is told
        return False


def _broken(error: Exception) -> Difference:
    last = traceback.extract_tb(error.__traceback__)[-1]
    why = f"the journey breaks off at {last.filename}:{last.lineno}: {type(error).__name__}: {error}"
    return Difference(where="journey", reference=None, candidate=None, why=why)


def _late(name: str, within: float) -> Difference:
    why = f"the {name} has not come to what the journey waits for within {within:g} s"
    return Difference(where="body", reference=None, candidate=None, why=why)
