"""The plan's own commands, as a step runs them: they end, or it says why the step does not go on."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from strangler.toolkit.step import hosts
from tests.toolkit.step.world import PLAN, ROOT, Done, World

ACCEPTED = ("--accept-inconclusive", "--shadow-seconds", "0")


class Planned:
    """The second project's plan, with commands or whatever else is other than it should be."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world, self.plan = world, directory / "plan.yaml"
        self.text = (ROOT / PLAN).read_text().replace("root: ../..", f"root: {ROOT}")

    def migrate(self, *, until: str, status: int, commands: str = "") -> Done:
        self.plan.write_text(f"{self.text}\n" + (f"commands: {{ {commands} }}\n" if commands else ""))
        place = ("--plan", str(self.plan))
        return self.world.toolkit("migrate", "--to", "1", "--until", until, *ACCEPTED, *place, status=status)


@pytest.fixture
def planned(world: World, tmp_path: Path) -> Planned:
    world.seed(5)
    return Planned(world, tmp_path)


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Path]:
    """The file to which each process that runs on adds its number."""
    file = tmp_path / "processes"
    yield file
    for number in running(file):
        psutil.Process(number).kill()


def running(file: Path) -> list[int]:
    return [number for number in map(int, file.read_text().split()) if psutil.pid_exists(number)]


def test_command_may_leave_something_running(planned: Planned, background: Path) -> None:
    """It has the command's output, and keeps it open."""
    run_on = f"sleep 60 & echo $! >>{background}"
    start = f"""'sh -c "{run_on}; cat; echo {{stage}} {{domain}} {{host}} >&2; exit 3"'"""
    done = planned.migrate(until="expand", status=1, commands=f"start: {start}")
    assert "ended with status 3:\n1 books books" in done.said
    assert len(running(background)) == 1
    planned.migrate(until="expand", status=0, commands=f"start: {start.replace('exit 3', 'exit 0')}")
    assert len(running(background)) == 2


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/start", "No such file or directory: '/nowhere/start'"),
        (PLAN, f"Permission denied: '{PLAN}'"),
        ("run ${VAR}", "an unknown name in braces, 'VAR'"),
        ("run {hots}", "an unknown name in braces, 'hots'"),
        ("run {}", "an unknown name in braces"),
        ("run {", "Single '{' encountered"),
        ("run ''it", "No closing quotation"),
        ("sleep 30", "did not end within 0.5 s"),
    ],
)
def test_command_that_cannot_be_run_is_said_so(
    planned: Planned, monkeypatch: pytest.MonkeyPatch, command: str, why: str
) -> None:
    monkeypatch.setattr(hosts, "COMMAND_SECONDS", 0.5)
    done = planned.migrate(until="expand", status=1, commands=f"start: '{command}'")
    assert "`start` of the plan's commands" in done.said
    assert why in done.said
    assert "Traceback" not in done.said
    planned.migrate(until="expand", status=0)


def test_contract_that_cannot_be_imported_is_said_so(planned: Planned) -> None:
    planned.text = planned.text.replace("contract: tests.second_project.books", "contract: tests.nowhere")
    done = planned.migrate(until="shadow", status=1)
    assert "The contract of books cannot be imported: No module named 'tests.nowhere'" in done.said
    assert "Traceback" not in done.said
