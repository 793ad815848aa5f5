"""The ways from stage to stage, and who carries them out: the runner alone, or the toolkit's commands."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from strangler.toolkit.consul import KeyValues
from strangler.toolkit.stack import Stack
from strangler.toolkit.stack.errors import StackError

STEPS = "strangler/steps/"
# Each window of a canary as long as the demo can wait for it; what few people read (their own
# notifications) gives too small a sample for a verdict, which the command is told to accept.
MIGRATE = ("--window-seconds", "8", "--shadow-seconds", "10", "--accept-inconclusive")


class Way(msgspec.Struct, frozen=True):
    """From a stage to another, with the domain that `moves`. Without `commands` only processes move, and
    the runner does it."""

    source: int
    target: int
    moves: str = ""
    commands: tuple[tuple[str, ...], ...] = ()

    @property
    def back(self) -> bool:
        return self.target < self.source


class CommandFailed(StackError):
    """A command of the toolkit's did not do what it was to do."""


def ways(to: int) -> Iterator[Way]:
    """Every step forward; the gateway's and the catalogue's are taken back once and made again."""
    if to >= 1:
        yield Way(0, 1)
        yield Way(1, 0)
        yield Way(0, 1)
    if to >= 2:
        yield Way(1, 2, "notifications", (_migrate(2), CONTRACT))
    if to >= 3:
        yield Way(2, 3, "catalog", (_migrate(3),))
        yield Way(3, 2, "catalog", (("rollback",),))
        yield Way(2, 3, "catalog", (_migrate(3), CONTRACT))


CONTRACT = ("contract", "--yes")


def _migrate(stage: int) -> tuple[str, ...]:
    return ("migrate", "--to", str(stage), *MIGRATE)


def carry_out(way: Way, stack: Stack, *, log: Path, say: Callable[[str], None]) -> None:
    """Run the way's commands one after another; raises CommandFailed with the end of what it said."""
    environment = {
        **os.environ,
        "RUN_DIR": str(stack.layout.run),
        "PORT_BASE": str(stack.port_base),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
    for command in way.commands:
        say(f"$ strangler {' '.join(command)}")
        with (
            log.open("a") as kept,
            subprocess.Popen(
                [sys.executable, "-m", "strangler.toolkit", *command],
                cwd=stack.layout.root,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
            ) as process,
        ):
            assert process.stdout is not None
            said: list[str] = []
            for line in process.stdout:
                kept.write(line)
                kept.flush()
                said = [*said[-14:], line.rstrip()]
                say(line.rstrip())
        if process.returncode:
            shown = "\n".join(f"    {line}" for line in said)
            raise CommandFailed(
                f"`strangler {' '.join(command)}` ended with status {process.returncode}:\n{shown}"
            )


def figures(stack: Stack, stage: int) -> dict[str, Any]:
    """What the toolkit measured on the way to this stage, by domain and phase."""
    stored = KeyValues(f"http://{stack.address('consul', 8500)}").folder(STEPS)
    states = {key.removeprefix(STEPS): msgspec.json.decode(value) for key, value in stored.items()}
    return {
        domain: state.get("figures", {}) for domain, state in states.items() if state.get("stage") == stage
    }
