"""Where a checkout's native stack is, and whether it runs: what the environment says, checked."""

import os
from pathlib import Path

from strangler.toolkit.stack.errors import StackError
from strangler.toolkit.stack.memory import Memory
from strangler.toolkit.stack.stack import Stack

PORT_BASE = 8000
PORT_BASES = range(1024, 65001)
"""Below, ports are the system's; what is counted from a base stays below 65536."""


def port_base() -> int:
    """What ports are counted from: PORT_BASE, or 8000; raises StackError if it is none."""
    given = os.environ.get("PORT_BASE", "") or str(PORT_BASE)
    if not given.isdecimal() or int(given) not in PORT_BASES:
        wanted = f"a number from {PORT_BASES[0]} to {PORT_BASES[-1]}"
        raise StackError(f"PORT_BASE is {given!r}. It is to be {wanted}: PORT_BASE=9000")
    return int(given)


def run_directory(root: Path) -> Path:
    """Where a checkout's stacks keep what they make: RUN_DIR, or `.run`; raises StackError if the checkout
    itself lies there."""
    run = Path(os.environ.get("RUN_DIR") or root / ".run").resolve()
    if root.resolve().is_relative_to(run):
        raise StackError(f"RUN_DIR is {run}, which holds this repository. Name another: RUN_DIR=.run")
    return run


def stack_of(root: Path, *, anew: bool = False) -> Stack:
    """A checkout's stack: in RUN_DIR or `.run`, at PORT_BASE if that is set, else where it runs or would.
    What it was started with holds for whoever changes it, in any shell, but not for who starts it `anew`."""
    run = run_directory(root)
    state = Memory(run).state
    base = state.port_base if state and not os.environ.get("PORT_BASE") else port_base()
    return Stack(root, run, base, state.given if state and not anew else None)


def running_stack(root: Path) -> Stack | None:
    """The stack that runs there, at its own ports, if it runs a stage with Consul."""
    stack = stack_of(root)
    state = stack.state
    if state is None or state.stage < 1 or not (root / "docker-compose.yml").is_file():
        return None
    return Stack(root, stack.layout.run, state.port_base, state.given)
