"""supervisord takes a checkout's path as it is, and starts again what could not start or ended at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from strangler.toolkit.stack.program import Layout, Program
from strangler.toolkit.stack.supervision import Supervisor
from tests.ports import wait_for


@contextmanager
def supervisord(root: Path, command: Sequence[str]) -> Iterator[Supervisor]:
    """A supervisord that knows one program, `here`."""
    layout = Layout(root=root, run=root / ".run")
    layout.prepare()
    supervisor = Supervisor(layout)
    supervisor.write([Program(name="here", command=[*command], environment={"RATE": "5%"})])
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.shutdown()
        wait_for(lambda: not (layout.run / "supervisord.pid").exists())


def test_a_path_may_have_a_percent_sign(tmp_path: Path) -> None:
    root = tmp_path / "100%(d)s"
    with supervisord(root, ["/bin/sh", "-c", "echo $PWD 100%; exec cat"]) as supervisor:
        supervisor.run("here")
        log = supervisor.layout.logs / "here.log"
        wait_for(lambda: log.exists() and log.read_text() == f"{root} 100%\n")


def test_a_program_that_cannot_be_started_yet_is_started_when_it_can(tmp_path: Path) -> None:
    with supervisord(tmp_path, ["/bin/cat"]) as supervisor:
        in_the_way = supervisor.layout.logs / "here.log"
        in_the_way.mkdir()
        supervisor.run("here")
        assert "EISDIR" in supervisor.trouble("here")
        in_the_way.rmdir()
        wait_for(lambda: supervisor.programs()["here"]["statename"] == "RUNNING")
        assert supervisor.trouble("here") == ""


def test_a_program_that_ends_before_supervisord_looks_is_started_again(tmp_path: Path) -> None:
    with supervisord(tmp_path, ["/bin/false"]) as supervisor:
        for _ in range(100):  # supervisord looks right after the start: about one in twenty is faster
            supervisor.run("here")
            supervisor.stop("here")
