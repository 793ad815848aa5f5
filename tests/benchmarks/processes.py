"""What a stack's processes use: memory and processor time, by service."""

from collections.abc import Iterator
from pathlib import Path

import psutil

from strangler.toolkit.stack import Stack


def by_service(stack: Stack) -> dict[str, list[psutil.Process]]:
    """Each service's processes, children included; supervisord itself among them."""
    found = {}
    for name, row in stack.status().items():
        if row["pid"]:
            parent = psutil.Process(row["pid"])
            found[name] = [parent, *parent.children(recursive=True)]
    supervisord = int((stack.layout.run / "supervisord.pid").read_text())
    found["supervisord"] = [psutil.Process(supervisord)]
    return found


def memory(stack: Stack) -> dict[str, int]:
    """Resident bytes by service; shared pages are counted by share (PSS) where the system tells."""
    return {name: sum(_resident(p) for p in processes) for name, processes in by_service(stack).items()}


def processor_seconds(stack: Stack) -> dict[str, float]:
    """Processor time used so far, by service."""
    return {name: sum(_times(processes)) for name, processes in by_service(stack).items()}


def used(before: dict[str, float], after: dict[str, float], *names: str) -> float:
    """Processor seconds between two readings, of these services or of all."""
    return sum(after[name] - before.get(name, 0.0) for name in after if not names or name in names)


def _resident(process: psutil.Process) -> int:
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # gone, or not Linux: psutil says what there is to say
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _times(processes: list[psutil.Process]) -> Iterator[float]:
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        yield times.user + times.system
