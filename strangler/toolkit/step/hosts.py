"""Starting and restarting the hosts' processes around a step: by the native stack that runs here, or by the
plan's own commands."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from strangler.toolkit.provision import provision
from strangler.toolkit.replication import copies, ownership
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.step import Step

COMMAND_SECONDS = 600


def prepare(step: Step) -> None:
    """The target's database is there, and says that it owns nothing of the domain: its processes, which
    start next, must find that before they take an event or a request for theirs. Raises NotReady where it has
    what would be lost."""
    stack = step.places.stack
    if stack is not None:
        host = step.state.target
        secret = f"{host.upper().replace('-', '_')}_DB_PASSWORD"
        os.environ.setdefault(secret, stack.variables(step.state.stage).get(secret, ""))
        provision([host], step.places.postgres)
    _run(step, "prepare")
    target = step.pair.target
    copies.check(step.pair)
    ownership.create_schema(target, step.pair.tables)
    ownership.own(target, step.domain, owner=step.state.source, epoch=step.epoch() + 1)


def start(step: Step) -> None:
    """The target's processes run beside the source's, which stay as they are."""
    if step.places.stack is not None:
        step.places.stack.begin(step.state.stage, step.screen.service)
    _run(step, "start")


def finish(step: Step) -> None:
    """The hosts run as the new stage says: the source without the domain."""
    if step.places.stack is not None:
        step.places.stack.up(step.state.stage, step.screen.service)
    else:
        _run(step, "finish")


def check_finish(step: Step) -> None:
    """Raise StepError unless `finish` can do its part, or it is said that somebody has."""
    commands = step.plan.commands
    if not (step.places.stack or (commands and commands.finish) or step.options.restarted):
        raise StepError(
            f"{step.state.source} must be restarted without {step.domain} before its tables go. Name a "
            "command for it in the plan (`commands: {finish: …}`), or do it yourself and run this "
            "command again with --restarted."
        )


def unfinish(step: Step) -> None:
    """The source runs with the domain again, where a contract was interrupted; raises StepError where that
    cannot be, or is not known."""
    stack, state = step.places.stack, step.state
    if stack is None:
        if not step.options.restarted:
            raise StepError(
                f"{state.source} may have been restarted without {step.domain} already. See that it runs "
                "with it, and run this command again with --restarted."
            )
    elif stack.state is None or stack.state.stage >= state.stage:
        raise StepError(
            f"There is nothing to take back: {state.source} runs without {step.domain}. "
            "`./run strangler contract` ends what it began."
        )
    else:
        stack.begin(state.stage, step.screen.service)
        stack.up(stack.state.stage, step.screen.service)


def stop(step: Step) -> None:
    """The target's processes are gone again; the stack's, which are the whole stage's, with its last step."""
    if step.places.stack is not None and not any(step.siblings().values()):
        step.places.stack.cancel(step.state.stage, step.screen.service)
    _run(step, "stop")


def _run(step: Step, name: str) -> None:
    if step.plan.commands is None:
        return
    try:
        command = step.plan.commands.arguments(
            name, host=step.state.target, domain=step.domain, stage=step.state.stage
        )
        # A pipe would be waited for as long as anything that the command has started holds it.
        with tempfile.TemporaryFile() as output:
            status = _ended(command, step.root, output) if command else 0
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
    except subprocess.TimeoutExpired as error:
        raise StepError(
            f"`{name}` of the plan's commands did not end within {COMMAND_SECONDS} s. What is to run on is "
            "to be started in the background. End what it has left, and run this command again."
        ) from error
    except (OSError, ValueError) as error:
        raise StepError(
            f"`{name}` of the plan's commands cannot be run: {error}. Correct the plan or what it "
            "calls (`./run strangler plan check` knows the form), and run this command again."
        ) from error
    if status:
        last = "\n".join(said.splitlines()[-10:])
        raise StepError(f"`{shlex.join(command)}` of the plan ended with status {status}:\n{last}")


def _ended(command: Sequence[str], root: Path, output: IO[bytes]) -> int:
    return subprocess.run(  # noqa: S603 - the plan's own command
        command,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        timeout=COMMAND_SECONDS,
        check=False,
    ).returncode
