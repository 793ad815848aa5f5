"""What the stack needs: time until it is ready, and memory of each of its processes."""

import time

from strangler.toolkit.stack import Stack
from tests.benchmarks.processes import memory
from tests.benchmarks.rows import Row

READY_TARGET = 20.0
MEMORY_TARGET_MIB = 1.2 * 1024
MIB = 2**20


def start_up(stack: Stack, stage: int) -> list[Row]:
    """From nothing to ready: an empty run directory first, then again with its data."""
    stack.down(purge=True)
    first = _timed_up(stack, stage)
    stack.down()
    again = _timed_up(stack, stage)
    return [
        Row("footprint", f"stage {stage} ready, first time", round(first, 1), "s", READY_TARGET),
        Row("footprint", f"stage {stage} ready, again", round(again, 1), "s", READY_TARGET),
    ]


def resident(stack: Stack, stage: int) -> list[Row]:
    """After the load: memory by service, shared pages counted once."""
    found = memory(stack)
    rows = [
        Row("memory", name, round(size / MIB), "MiB")
        for name, size in sorted(found.items(), key=lambda item: -item[1])
    ]
    total = round(sum(found.values()) / MIB)
    rows.append(Row("memory", f"all of stage {stage}", total, "MiB", round(MEMORY_TARGET_MIB)))
    return rows


def _timed_up(stack: Stack, stage: int) -> float:
    started = time.monotonic()
    stack.up(stage)
    return time.monotonic() - started
