"""Findings as text: the calls to repeat, both answers, and where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from strangler.toolkit.parity.calls import Answer
    from strangler.toolkit.parity.journey import Finding
    from strangler.toolkit.parity.report import Reported

LONGEST = 2000


def finding(found: Finding) -> str:
    """The journey's calls as curl lines, the last one with both answers and their differences."""
    return _told(
        found.name,
        [
            (each.reference.status, each.candidate.status, asked(each.call.curl(), each.attempts))
            for each in found.exchanges
        ],
        [(each.where, each.why, each.reference, each.candidate) for each in found.differences],
        last(found),
    )


def reported(found: Reported) -> str:
    """The same, of a finding as it stands in a report."""
    return _told(
        found.name,
        [(each.reference, each.candidate, asked(each.curl, each.attempts)) for each in found.steps],
        [(each["where"], each["why"], each["reference"], each["candidate"]) for each in found.differences],
        (found.reference, found.candidate),
    )


def _told(
    name: str,
    steps: list[tuple[int, int, str]],
    differences: list[tuple[str, str, Any, Any]],
    answers: tuple[str, str],
) -> str:
    what = f"call {len(steps) - 1} is not answered as it must be" if steps else "no call was answered"
    lines = [f"{name}: {what}", ""]
    lines += [f"  {number:2}  {here or '---'}  {curl}" for number, (here, _, curl) in enumerate(steps)]
    lines += ["", "what is wrong with its answers:"]
    for where, why, here, there in differences:
        lines += [f"  {where}: {why}", f"    reference  {value(here)}", f"    candidate  {value(there)}"]
    for here, there, _ in steps[-1:]:
        for system, status, answer in zip(("reference", "candidate"), (here, there), answers, strict=True):
            lines += ["", f"{system} answered {status}:", answer]
    return "\n".join(lines)


def last(found: Finding) -> tuple[str, str]:
    """What either system answered to the finding's last call; nothing if it broke off before any."""
    if not found.exchanges:
        return "", ""
    exchange = found.exchanges[-1]
    return shown(exchange.reference), shown(exchange.candidate)


def asked(curl: str, attempts: int) -> str:
    """The call as a line for a shell, with how often it was made while something was waited for."""
    return curl if attempts == 1 else f"{curl}  # {attempts} times"


def shown(answer: Answer) -> str:
    """Headers and body of an answer."""
    headers = "\n".join(f"  {name}: {text}" for name, text in answer.headers)
    if answer.json is msgspec.UNSET:
        return f"{headers}\n  {answer.text[:LONGEST]}"
    text = msgspec.json.format(msgspec.json.encode(answer.json), indent=2).decode()
    return headers + "\n" + "\n".join(f"  {line}" for line in text[:LONGEST].splitlines())


def value(found: Any) -> str:
    """A value as short JSON."""
    text = msgspec.json.encode(found).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
