"""supervisord takes a checkout's path as it is."""

from pathlib import Path

from strangler.toolkit.stack.program import Layout, Program
from strangler.toolkit.stack.supervision import Supervisor
from tests.ports import wait_for


def test_a_path_may_have_a_percent_sign(tmp_path: Path) -> None:
    root = tmp_path / "100%(d)s"
    layout = Layout(root=root, run=root / ".run")
    layout.prepare()
    supervisor = Supervisor(layout)
    command = ["/bin/sh", "-c", "echo $PWD 100%; exec cat"]
    supervisor.write([Program(name="here", command=command, environment={"RATE": "5%"})])
    supervisor.start()
    try:
        supervisor.run("here")
        log = layout.logs / "here.log"
        wait_for(lambda: log.exists() and log.read_text() == f"{root} 100%\n")
    finally:
        supervisor.shutdown()
        wait_for(lambda: not (layout.run / "supervisord.pid").exists())
