"""The chain of stage commits and their tags, from HEAD and the plan."""

import re
from dataclasses import dataclass
from pathlib import Path

from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.plan.file import load
from strangler.toolkit.plan.model import Plan, Stage
from strangler.toolkit.tags.git import Git
from strangler.toolkit.tags.projection import NotDerivable, project

MARK = "Derived-from:"
COMMITTER = re.compile(r"^committer (.*) <(.*)> (.*)$", re.MULTILINE)


class WorkTreeDirty(ToolkitError):
    """There are uncommitted changes, which the tags would not hold."""


class TagTaken(ToolkitError):
    """A tag of a stage's name exists that was not derived."""


@dataclass(frozen=True, kw_only=True)
class Derived:
    """A stage's tag: the objects it consists of, and what the name stood for before (None: nothing)."""

    stage: Stage
    commit: str
    tag: str
    before: str | None

    @property
    def current(self) -> bool:
        return self.before == self.tag


@dataclass(frozen=True, kw_only=True)
class Derivation:
    """The tags of all built stages, and derived tags of stages that the plan no longer has."""

    head: str
    tags: list[Derived]
    leftover: list[str]

    @property
    def current(self) -> bool:
        return not self.leftover and all(tag.current for tag in self.tags)


def derive(git: Git, *, plan_path: Path) -> Derivation:
    """Make the stages' commits and tag objects, pointing no name at them yet.

    The same HEAD gives the same object names: author, committer and dates are HEAD's. Raises WorkTreeDirty,
    TagTaken, NotDerivable, GitFailed, and PlanInvalid.
    """
    changed = git("status", "--porcelain", "--untracked-files=no")
    if changed:
        raise WorkTreeDirty(
            "There are uncommitted changes, and tags are derived from HEAD:\n"
            f"{changed}\nCommit or stash them first."
        )
    head = git.resolve("HEAD^{commit}")
    if head is None:
        raise NotDerivable("There is no commit yet. Commit first.")
    plan = load(plan_path)
    plan_file = plan_path.resolve().relative_to(Path(git("rev-parse", "--show-toplevel"))).as_posix()
    files = git.entries(head)
    if plan_file not in files:
        raise NotDerivable(f"{plan_file} is not committed. Commit it first.")
    author = _identity(git, head)
    tags: list[Derived] = []
    for stage in plan.built:
        entries = project(git, head=head, plan=plan, plan_file=plan_file, stage=stage, files=files)
        tree = git.write_tree(entries)
        message = f"Stage {stage.number}, {stage.name}\n\n{stage.summary}\n\n{MARK} {head}\n"
        parents = ["-p", tags[-1].commit] if tags else []
        commit = git("commit-tree", tree, *parents, "-F", "-", stdin=message, env=author)
        tags.append(
            Derived(
                stage=stage,
                commit=commit,
                tag=_tag_object(git, stage=stage, commit=commit, head=head, author=author),
                before=_before(git, stage.tag),
            )
        )
    return Derivation(head=head, tags=tags, leftover=_leftover(git, plan))


def apply(git: Git, derivation: Derivation) -> None:
    """Point the tags' names at what was derived, all or none, and drop those of stages that are gone."""
    commands = [
        f"update refs/tags/{t.stage.tag} {t.tag} {t.before or '0' * len(t.tag)}" for t in derivation.tags
    ]
    commands += [f"delete refs/tags/{name}" for name in derivation.leftover]
    git("update-ref", "--stdin", stdin="\n".join(commands) + "\n")


def _identity(git: Git, head: str) -> dict[str, str]:
    found = COMMITTER.search(git("cat-file", "commit", head))
    assert found is not None
    return {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in zip(("NAME", "EMAIL", "DATE"), found.groups(), strict=True)
    }


def _tag_object(git: Git, *, stage: Stage, commit: str, head: str, author: dict[str, str]) -> str:
    """An annotated tag, so that `git tag -n` tells what the stage is and the mark tells ours from others'."""
    who = f"{author['GIT_COMMITTER_NAME']} <{author['GIT_COMMITTER_EMAIL']}> {author['GIT_COMMITTER_DATE']}"
    header = f"object {commit}\ntype commit\ntag {stage.tag}\ntagger {who}"
    return git("mktag", stdin=f"{header}\n\n{stage.summary}\n\n{MARK} {head}\n")


def _before(git: Git, name: str) -> str | None:
    before = git.resolve(f"refs/tags/{name}")
    if before is not None and not _is_derived(git, before):
        raise TagTaken(
            f"The tag {name} exists and was not derived by this command. "
            f"Rename or delete it: git tag -d {name}"
        )
    return before


def _is_derived(git: Git, tag: str) -> bool:
    return git("cat-file", "-t", tag) == "tag" and f"\n{MARK} " in git("cat-file", "tag", tag)


def _leftover(git: Git, plan: Plan) -> list[str]:
    names = git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags/stage-*").splitlines()
    wanted = {stage.tag for stage in plan.built}
    return [name for name in names if name not in wanted and _is_derived(git, f"refs/tags/{name}")]
