"""Queries for rows by their keys, made at the same time, are asked as one call.

While one is under way, those that come wait for its end and go together: a busy process asks for more rows at
once, not more often. What is under way when a question comes does not answer it, so no answer is older than
its question. (Batching as DataLoader does it, with a database's group commit for when a batch leaves.)
"""

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from opentelemetry import trace

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ownership import DomainMoved
from strangler.chassis.rpc import deadline
from strangler.chassis.rpc.errors import NoTimeLeft
from strangler.chassis.rpc.policies.call import Call, Proceed

WAIT_SECONDS = 0.05
"""Who has waited so long for a slow answer to somebody else asks alone."""

MOST_KEYS = 500
"""In one call; the next ones wait for another."""

tracer = trace.get_tracer(__name__)


@dataclass(eq=False)
class Question:
    """The keys that a caller asks for, and the seconds it has. `word` is its answer, or the questions that it
    is to ask together with its own, or None if it is to ask alone."""

    keys: list[Any]
    seconds: float
    word: "Future[dict[Any, Any] | list[Question] | None]" = field(default_factory=Future)


class Line:
    """Where the questions of one query at one host wait while one is under way."""

    def __init__(self) -> None:
        self.busy = False
        self.waiting: list[Question] = []
        self._lock = threading.Lock()

    def enter(self, question: Question) -> bool:
        """Whether it may go at once; it waits otherwise."""
        with self._lock:
            at_once = not self.busy
            self.busy = True
            if not at_once:
                self.waiting.append(question)
            return at_once

    def leave(self, question: Question) -> bool:
        """Whether it was still waiting; it no longer is."""
        with self._lock:
            waiting = question in self.waiting
            if waiting:
                self.waiting.remove(question)
            return waiting

    def arrive(self) -> None:
        """What was under way is back: those who wait go, asked for by who has most time left.

        It is told before anybody can `leave`: who finds itself taken out knows by then whether it asks.
        """
        with self._lock:
            batch = list(_fitting(self.waiting))
            self.waiting = self.waiting[len(batch) :]
            self.busy = bool(batch)
            if batch:
                max(batch, key=lambda question: question.seconds).word.set_result(batch)


class Batch:
    """Of queries that say so (`@query(batched=True)`). The pipeline's other parts see one call."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str, bool], Line] = {}

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        if not call.method.batched or call.shadow:
            return proceed(call)
        key = (call.place, call.method.name, call.follows)
        line = self.lines.get(key) or self.lines.setdefault(key, Line())
        (keys,) = call.arguments.values()
        question = Question(keys, deadline.remaining() or 0.0)
        if line.enter(question):
            return _ask(line, [question], question, call, proceed)
        with tracer.start_as_current_span(f"{call.domain}.{call.method.name} batched"):
            word = _word(line, question, call)
        if word is None:
            return proceed(call)
        if isinstance(word, list):
            return _ask(line, word, question, call, proceed)
        return word


def _word(line: Line, question: Question, call: Call) -> "dict[Any, Any] | list[Question] | None":
    """What becomes of a question that waits."""
    try:
        return question.word.result(min(WAIT_SECONDS, question.seconds))
    except TimeoutError:
        if line.leave(question):
            return None
    try:
        return question.word.result(deadline.remaining())
    except TimeoutError:
        raise NoTimeLeft(call.domain, call.method.name, "the call that asks for it is not back") from None


def _ask(line: Line, batch: list[Question], mine: Question, call: Call, proceed: Proceed) -> Any:
    """Ask for all, give the others their part, return mine."""
    others = [question for question in batch if question is not mine]
    try:
        answer = proceed(_together(call, batch) if others else call)
    except (DomainUnavailable, DomainMoved) as error:
        line.arrive()
        for question in others:
            question.word.set_exception(error)
        raise
    except BaseException as error:
        line.arrive()
        for question in others:
            question.word.set_result(None)
        if others and isinstance(error, Exception):
            # Perhaps one question's fault, and no answer to the others, of which mine may be one.
            return proceed(call)
        raise
    line.arrive()
    for question in others:
        question.word.set_result(_part(answer, question))
    return _part(answer, mine) if others else answer


def _together(call: Call, batch: list[Question]) -> Call:
    (name,) = call.arguments
    keys = dict.fromkeys(key for question in batch for key in question.keys)
    return replace(call, arguments={name: [*keys]})


def _part(answer: dict[Any, Any], question: Question) -> dict[Any, Any]:
    return {key: answer[key] for key in question.keys if key in answer}


def _fitting(waiting: Iterable[Question]) -> Iterable[Question]:
    keys = 0
    for number, question in enumerate(waiting):
        keys += len(question.keys)
        if number and keys > MOST_KEYS:
            return
        yield question
