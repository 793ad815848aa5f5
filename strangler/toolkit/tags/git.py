"""The git plumbing that makes commits without touching the work tree or its index."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from strangler.toolkit.errors import ToolkitError

REGULAR = "100644"
SETTINGS = ("-c", "i18n.commitEncoding=UTF-8")
"""What the user's own would change in a commit made by plumbing, which reads little else of them."""


class GitFailed(ToolkitError):
    """A git command failed; the message says which, and why."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file of a tree: its mode and blob."""

    mode: str
    blob: str


@dataclass(frozen=True, kw_only=True)
class Git:
    """A repository. `environment` overrides what git reads from the process's own."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        """What the command printed, without the last line end; raises GitFailed."""
        try:
            done = subprocess.run(  # noqa: S603
                ["git", *SETTINGS, *arguments],  # noqa: S607
                cwd=self.root,
                input=None if stdin is None else stdin.encode(errors="surrogateescape"),
                env={**os.environ, **self.environment, **(env or {})},
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise GitFailed("git is not installed.") from None
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
            raise GitFailed(f"git {arguments[0]}: {reason}")
        return done.stdout.decode(errors="surrogateescape").removesuffix("\n")

    def resolve(self, name: str) -> str | None:
        """The object that a name stands for, or None."""
        try:
            return self("rev-parse", "--verify", "--quiet", name)
        except GitFailed:
            return None

    def read(self, commit: str, path: str) -> str:
        """A file's text in a commit."""
        return self("cat-file", "blob", f"{commit}:{path}") + "\n"

    def entries(self, commit: str) -> dict[str, Entry]:
        """Every file of a commit by its path."""
        found = {}
        for line in self("ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
            if line:
                about, path = line.split("\t", 1)
                mode, _, blob = about.split(" ")
                found[path] = Entry(mode=mode, blob=blob)
        return found

    def write_blob(self, text: str) -> str:
        """Store a text; its object name."""
        return self("hash-object", "-w", "--stdin", stdin=text)

    def write_tree(self, entries: Mapping[str, Entry]) -> str:
        """Store a tree of these files through an index of its own; its object name."""
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            listing = "".join(f"{e.mode} {e.blob}\t{path}\0" for path, e in sorted(entries.items()))
            self("update-index", "-z", "--index-info", stdin=listing, env=index)
            return self("write-tree", env=index)

    @contextmanager
    def scratch(self) -> Iterator["Git"]:
        """The same repository, but what is written is forgotten afterwards."""
        objects = (self.root / self("rev-parse", "--git-path", "objects")).resolve()
        with tempfile.TemporaryDirectory() as folder:
            away = {"GIT_OBJECT_DIRECTORY": folder, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)}
            yield Git(root=self.root, environment={**self.environment, **away})
