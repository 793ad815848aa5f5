"""One HTTP call and its judgement: was the answer one that this call may get?

Every call is recorded as a sample: `ok` for an expected answer, `unavailable` if something honestly
is down (a connection error, 502, 503, 504 in the one error shape, or a part said to be away), `failed` for
anything else. Whether unavailability may be is for the reader to decide: never in the demo, for a moment in
the kill tests.
"""

import json
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec

GATEWAY_STATUSES = {502, 503, 504}
Check = Callable[[int, Any], str]
"""Says what is wrong with an answer of this status and body; nothing if it is as it should be."""


class Degraded(str):
    """What is wrong is honestly said to be away, or late."""


class Call(msgspec.Struct):
    """A recorded call. `at`: start, seconds since the epoch. `detail` says what was wrong."""

    at: float
    name: str
    seconds: float
    outcome: str
    status: int
    detail: str = ""


class Answer(msgspec.Struct):
    """What came back; `body` is decoded JSON or None. `ok`: it was one of the expected answers."""

    status: int
    body: Any
    ok: bool

    @property
    def code(self) -> str:
        """The first error's code, or empty."""
        return error_codes(self.body)[0] if error_codes(self.body) else ""


class Recorder:
    """Writes samples, a JSON line each; flushed every half second at the latest when calls go on."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._flushed = 0.0
        self._encode = msgspec.json.Encoder().encode

    def record(self, call: Call) -> None:
        self._file.write(self._encode(call) + b"\n")
        if time.monotonic() - self._flushed > 0.5:
            self._file.flush()
            self._flushed = time.monotonic()

    def close(self) -> None:
        self._file.close()


def error_codes(body: Any) -> list[str]:
    """The codes of drf-standardized-errors' shape; empty if the body does not have it."""
    if not isinstance(body, dict) or "type" not in body or not isinstance(body.get("errors"), list):
        return []
    errors = body["errors"]
    if not all(isinstance(e, dict) and {"code", "detail", "attr"} <= e.keys() for e in errors):
        return []
    return [str(error["code"]) for error in errors]


def judge(
    *,
    status: int,
    content: bytes | None,
    problem: str,
    expect: Collection[int],
    check: Check | None,
) -> tuple[str, str, Any]:
    """(outcome, detail, body) of an answer. `status` 0 means there was none, and `problem` says why."""
    if status == 0:
        return "unavailable", problem or "no answer", None
    body: Any = None
    if content:
        try:
            body = json.loads(content)
        except ValueError:
            return "failed", f"{status}: not JSON: {content[:200]!r}", None
    if status >= 400 and not error_codes(body):
        return "failed", f"{status}: not the error shape: {str(body)[:300]}", body
    if status in GATEWAY_STATUSES and status not in expect:
        return "unavailable", f"{status}: {str(body)[:300]}", body
    if status not in expect:
        return "failed", f"{status} instead of {sorted(expect)}: {str(body)[:300]}", body
    try:
        wrong = check(status, body) if check else ""
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        wrong = f"another shape, {error!r}: {str(body)[:300]}"
    if not wrong:
        return "ok", "", body
    return "unavailable" if isinstance(wrong, Degraded) else "failed", f"{status}: {wrong[:500]}", body
