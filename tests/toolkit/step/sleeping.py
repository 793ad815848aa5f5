"""A command that is suspended at a point of its way, as by ^Z or with its machine, and wakes up later."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType

import psutil
import pytest

from tests.ports import wait_for
from tests.toolkit.step.world import Done, World


@contextmanager
def asleep(
    world: World, monkeypatch: pytest.MonkeyPatch, module: ModuleType, point: str, *arguments: str
) -> Iterator[list[Done]]:
    """Inside the block `migrate` stands still at this crash point of the module; after it, it has ended, as
    the list then says."""

    def stop(name: str) -> None:
        # Once: a point may be passed again.
        if name == point and not stopped:
            stopped.append(name)
            os.kill(os.getpid(), signal.SIGSTOP)

    stopped: list[str] = []
    ended: list[Done] = []
    with ThreadPoolExecutor(1) as pool:
        with monkeypatch.context() as patched:
            patched.setattr(module, "crash_point", stop)
            command = pool.submit(world.migrate, *arguments, status=None)
            wait_for(_suspended, seconds=60)
        (sleeper,) = _suspended()
        try:
            yield ended
        finally:
            sleeper.send_signal(signal.SIGCONT)
            ended.append(command.result())


def _suspended() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.status() == psutil.STATUS_STOPPED]
