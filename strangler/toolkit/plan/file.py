"""A plan file: text in, `Plan` and every mistake of form out, each with its line."""

from pathlib import Path

import yaml

from strangler.toolkit.errors import NotThere, ToolkitError
from strangler.toolkit.plan.form import conform
from strangler.toolkit.plan.lines import Lines, tree
from strangler.toolkit.plan.model import Plan
from strangler.toolkit.plan.problems import Problems

DEFAULT = Path("migrations-plan/plan.yaml")


class PlanInvalid(ToolkitError):
    """The plan file has mistakes of form; the message lists them, a line each."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        super().__init__("\n".join(problem.text for problem in problems.sorted()))


class NoPlan(PlanInvalid, NotThere):
    """There is no such file."""


def parse(path: Path) -> tuple[Plan | None, Lines, Problems]:
    """Read a plan file. The plan has stand-ins where something is wrong; None: nothing could be read."""
    problems = Problems(file=path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        problems.add(
            line=1, what=f"cannot be read: {error.strerror}.", remedy="Name a plan file that exists."
        )
        return None, {}, problems
    except UnicodeDecodeError:
        problems.add(line=1, what="is not UTF-8 text.", remedy="Save it as UTF-8.")
        return None, {}, problems
    try:
        data, lines = tree(text, problems=problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(
            line=mark.line + 1 if mark else 1,
            what=f"is not YAML: {error.problem or error.context}.",
            remedy="Check the indentation, quotes and colons of this line and the one above.",
        )
        return None, {}, problems
    except yaml.YAMLError as error:
        problems.add(line=1, what=f"is not YAML: {error}.", remedy="Remove what is not printable text.")
        return None, {}, problems
    plan = conform(data, Plan, lines=lines, problems=problems)
    return plan, lines, problems


def load(path: Path = DEFAULT) -> Plan:
    """The plan in this file; raises PlanInvalid with every mistake of form. `plan check` checks the rest."""
    plan, _, problems = parse(path)
    if problems or plan is None:
        raise PlanInvalid(problems) if path.exists() else NoPlan(problems)
    return plan
