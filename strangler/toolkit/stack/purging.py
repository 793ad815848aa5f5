"""Forgetting a stack: what it made in its run directory goes; what others put there stays."""

import shutil
from contextlib import suppress
from pathlib import Path

WITHIN = ("demo", "bench", "bench/bare", "bench-beside", "parity/reference", "parity/candidate")
"""Folders of a run directory where other commands have stacks of their own."""
SIGNS = ("supervisord.conf", "secrets.env")
"""A directory that has neither is no stack's."""
MADE = (
    "logs", "volumes", "postgres-password", ".gunicorn", "trial", "traefik.yml", "problems.yml", "edge.sock",
    "supervisor.sock", "supervisord.pid", "state.json", "data.json",
    *SIGNS,  # last: who was interrupted can purge again
)  # fmt: skip


def forget(run: Path) -> None:
    """Delete what stacks made in this directory and WITHIN it, and the directories that are empty then."""
    for folder in (*(run / name for name in reversed(WITHIN)), run):
        if not any((folder / sign).exists() for sign in SIGNS):
            continue
        for name in MADE:
            _delete(folder / f"{name}.new")  # of who was interrupted as he wrote it
            _delete(folder / name)
        for emptied in (folder, *folder.parents):
            if emptied.is_relative_to(run):
                with suppress(OSError):  # something of others is there: `down` names it
                    emptied.rmdir()


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
