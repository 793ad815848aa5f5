"""HEAD as it was, or would have been, at an earlier stage: the plan applied to a tree."""

import re
from collections.abc import Mapping

from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.plan.model import Plan, Stage
from strangler.toolkit.tags import packages
from strangler.toolkit.tags.git import REGULAR, Entry, Git
from strangler.toolkit.tags.topology import without, without_entries

SOURCES = re.compile(r"^sources:.*$", re.MULTILINE)
SETTING = re.compile(r"^STAGE=.*$", re.MULTILINE)
BUILT = re.compile(r"^(\s+built:\s*)true\b", re.MULTILINE)
NUMBER = re.compile(r"^\s*-?\s*number:\s*(\d+)\s*$", re.MULTILINE)


class NotDerivable(ToolkitError):
    """HEAD and the plan do not fit together; the message says where."""


def project(
    git: Git, *, head: str, plan: Plan, plan_file: str, stage: Stage, files: Mapping[str, Entry]
) -> dict[str, Entry]:
    """The files of a stage: what later stages introduce and this one supersedes is gone, moved domains stand
    with their hosts, `.env` says it, the compose file has this stage's services only, and the plan knows
    where the packages are, and neither calls later stages built nor names their hosts."""
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
    text = git.read(head, plan_file)
    hosts = [domain for other in later for domain in other.moves if domain in plan.hosts]
    text = without_entries(_unbuilt(text, after=stage.number), section="hosts", names=hosts)
    text = _sources(text, packages.sources(plan, stage, entries))
    if text != git.read(head, plan_file):
        rewrite(plan_file, text)
    return _moved(entries, packages.moves(plan, stage, entries))


def _moved(entries: Mapping[str, Entry], moves: Mapping[str, str]) -> dict[str, Entry]:
    found = {}
    for file, entry in entries.items():
        old = next((old for old in moves if _within(file, old)), None)
        found[file if old is None else moves[old] + file.removeprefix(old)] = entry
    return found


def _within(file: str, path: str) -> bool:
    return file == path or file.startswith(f"{path.rstrip('/')}/")


def _sources(text: str, sources: list[str]) -> str:
    return SOURCES.sub(f"sources: [{', '.join(sources)}]", text)


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
