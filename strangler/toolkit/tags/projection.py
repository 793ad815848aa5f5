"""HEAD as it was, or would have been, at an earlier stage: the plan applied to a tree."""

import re
from collections.abc import Mapping

from strangler.toolkit.plan.model import Plan, Stage
from strangler.toolkit.tags.git import REGULAR, Entry, Git
from strangler.toolkit.tags.topology import without

SETTING = re.compile(r"^STAGE=.*$", re.MULTILINE)
BUILT = re.compile(r"^(\s+built:\s*)true\b", re.MULTILINE)
NUMBER = re.compile(r"^\s*-?\s*number:\s*(\d+)\s*$", re.MULTILINE)


class NotDerivable(Exception):
    """HEAD and the plan do not fit together; the message says where."""


def project(
    git: Git, *, head: str, plan: Plan, plan_file: str, stage: Stage, files: Mapping[str, Entry]
) -> dict[str, Entry]:
    """The files of a stage: what later stages introduce and this one supersedes is gone, `.env` says it,
    the compose file has this stage's services only, and the plan calls later stages unbuilt."""
    later = [other for other in plan.built if other.number > stage.number]
    gone = [path for other in later for path in other.introduces]
    gone += [path for other in plan.stages if other.number <= stage.number for path in other.supersedes]
    missing = [path for path in gone if not any(_within(file, path) for file in files)]
    if missing:
        raise NotDerivable(f"{plan_file} names {', '.join(missing)}, which HEAD does not have.")
    entries = {file: entry for file, entry in files.items() if not any(_within(file, path) for path in gone)}

    def rewrite(path: str, text: str) -> None:
        mode = entries[path].mode if path in entries else REGULAR
        entries[path] = Entry(mode=mode, blob=git.write_blob(text))

    rewrite(".env", _setting(git.read(head, ".env") if ".env" in files else "STAGE=0\n", stage))
    if plan.compose in files and later:
        services = [service for other in later for service in other.services]
        profiles = [f"stage-{other.number}" for other in later]
        rewrite(plan.compose, without(git.read(head, plan.compose), services=services, profiles=profiles))
    if later:
        rewrite(plan_file, _unbuilt(git.read(head, plan_file), after=stage.number))
    return entries


def _within(file: str, path: str) -> bool:
    return file == path or file.startswith(f"{path.rstrip('/')}/")


def _setting(text: str, stage: Stage) -> str:
    if not SETTING.search(text):
        raise NotDerivable("`.env` has no line `STAGE=…`; add `STAGE=0`.")
    return SETTING.sub(f"STAGE={stage.number}", text)


def _unbuilt(text: str, *, after: int) -> str:
    """The plan's text with `built: false` in every stage beyond `after`; nothing else changes."""
    stages = list(NUMBER.finditer(text))
    for position in reversed(range(len(stages))):
        if int(stages[position].group(1)) <= after:
            continue
        start = stages[position].start()
        end = stages[position + 1].start() if position + 1 < len(stages) else len(text)
        text = text[:start] + BUILT.sub(r"\1false", text[start:end]) + text[end:]
    return text
