"""All checks of a plan file in one go."""

from dataclasses import dataclass
from pathlib import Path

from strangler.toolkit.plan.agreement import check_agreement
from strangler.toolkit.plan.file import parse
from strangler.toolkit.plan.model import Plan
from strangler.toolkit.plan.problems import Problem
from strangler.toolkit.plan.rules import RULES, Checked


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check found. `notes` name what only its reader can judge; no `plan`: nothing could be read."""

    plan: Plan | None
    problems: list[Problem]
    notes: list[str]


def check(file: Path, *, django: bool = True) -> Verdict:
    """Check a plan file: its form, its parts against each other, against the project, against Django."""
    plan, lines, problems = parse(file)
    notes: list[str] = []
    if plan is not None:
        checked = Checked(plan=plan, file=file, lines=lines, problems=problems)
        for rule in RULES:
            rule(checked)
        if django:
            notes = check_agreement(checked)
    return Verdict(plan=plan, problems=problems.sorted(), notes=notes)
