"""A stack of one small service, brought up and down by the real runner under a real supervisord."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strangler.toolkit.stack import cli, leftovers, running
from strangler.toolkit.stack.errors import DiskUnusable, PortTaken, ServiceFailed, StackError
from strangler.toolkit.stack.stack import Stack
from strangler.toolkit.stack.starting import READY_SECONDS
from tests.ports import free_port, wait_for

SERVER = (
    "import http.server as http, sys; host, port = sys.argv[1].split(':'); "
    "http.ThreadingHTTPServer((host, int(port)), http.SimpleHTTPRequestHandler).serve_forever()"
)
COMPOSE = """\
services:
  pages:
    image: pages
    build: .
    profiles: [stage-0]
    command: [python, -c, "{server}", "pages:80"]
    environment: {{ TITLE: "${{TITLE:-none}}", LETTER_KEY: "${{LETTER_KEY:-none}}" }}
    healthcheck: {{ test: [CMD, probe, "http://pages:80/"] }}
    x-native: {{ ports: {{ 80: 0 }} }}
  preparation:
    image: pages
    build: .
    restart: "no"
    profiles: [stage-0]
    command: [python, -c, "{preparation}"]
"""


def write(root: Path, *, server: str = SERVER, preparation: str = "pass") -> None:
    """The compose file, with these programs."""
    text = COMPOSE.format(server=server, preparation=preparation)
    (root / "docker-compose.yml").write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    repository = Path(__file__).parents[3]
    (tmp_path / "strangler").symlink_to(repository / "strangler")
    write(tmp_path)
    return tmp_path


@pytest.fixture
def stack(root: Path) -> Iterator[Stack]:
    one = Stack(root, root / "run", free_port())
    yield one
    one.down()


def test_a_stack_comes_up_and_goes_down_and_leaves_nothing(stack: Stack) -> None:
    stack.up(0)
    assert stack.running() == ["edge-sockets", "pages"]
    stack.down()
    assert stack.running() == []
    assert leftovers.processes_of(stack.layout.run) == []


def test_a_purged_stack_is_gone_with_all_that_it_had(stack: Stack) -> None:
    stack.up(0)
    assert stack.down(purge=True) == 0
    assert leftovers.processes_of(stack.layout.run) == []
    assert not stack.layout.run.exists()


def test_a_purge_deletes_what_stacks_made_and_nothing_else(
    stack: Stack, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RUN_DIR may be a folder that holds more, and a demo or a comparison keeps its own stack in it."""
    run = stack.layout.run
    nested = Stack(root, run / "parity" / "reference", free_port())
    nested.up(0)
    nested.down()
    stack.up(0)
    mine = [run / "letter.txt", run / "demo" / "letter.txt", run / "others" / "logs" / "letter.txt"]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    monkeypatch.chdir(root)
    monkeypatch.setenv("RUN_DIR", str(run))

    told = CliRunner().invoke(cli.app, ["down", "--purge"]).output

    assert [path for path in sorted(run.rglob("*")) if path.is_file()] == sorted(mine)
    assert f"{run} stays, with what no stack made there: demo, letter.txt, others." in told


@pytest.mark.parametrize("purge", [False, True])
def test_down_stops_what_runs_in_folders_of_its_own_too(
    stack: Stack, root: Path, purge: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comparison that was kept, a demo that was killed."""
    nested = Stack(root, stack.layout.run / "parity" / "reference", free_port())
    beside = Stack(root, root / "run-beside", free_port())
    monkeypatch.chdir(root)
    monkeypatch.setenv("RUN_DIR", str(stack.layout.run))
    try:
        nested.up(0)
        beside.up(0)

        told = CliRunner().invoke(cli.app, ["down", *["--purge"] * purge]).output

        assert f"Stopped 2 services in {nested.layout.run}" in told
        assert leftovers.processes_of(nested.layout.run) == []
        assert nested.layout.logs.exists() is not purge
        beside.wait_ready("pages", seconds=20)
    finally:
        nested.down()
        beside.down()


def test_what_runs_in_folders_stays_when_a_start_beside_it_fails(stack: Stack, root: Path) -> None:
    nested = Stack(root, stack.layout.run / "parity" / "reference", free_port())
    try:
        nested.up(0)
        write(root, preparation="raise SystemExit('no such database')")
        with pytest.raises(ServiceFailed):
            stack.up(0)
        nested.wait_ready("pages", seconds=20)
    finally:
        nested.down()


def test_the_checkout_itself_is_nobodys_run_directory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("RUN_DIR", "")
    assert running.run_directory(root) == root / ".run"
    for directory in (".", "..", "/"):
        monkeypatch.setenv("RUN_DIR", directory)
        with pytest.raises(StackError, match="which holds this repository"):
            running.stack_of(root)
    assert (root / "docker-compose.yml").exists()


def test_two_checkouts_run_at_once(stack: Stack, root: Path) -> None:
    other = Stack(root, root / "other", free_port())
    try:
        stack.up(0)
        other.up(0)
        other.down()
        stack.wait_ready("pages", seconds=20)
    finally:
        other.down()


def test_after_supervisord_was_killed_down_leaves_nothing(stack: Stack) -> None:
    stack.up(0)
    os.kill(int((stack.layout.run / "supervisord.pid").read_text()), signal.SIGKILL)
    wait_for(lambda: not stack.supervisor.is_up())
    assert stack.down() >= 1
    assert leftovers.processes_of(stack.layout.run) == []


def test_after_supervisord_was_killed_up_starts_afresh(stack: Stack) -> None:
    stack.up(0)
    os.kill(int((stack.layout.run / "supervisord.pid").read_text()), signal.SIGKILL)
    wait_for(lambda: not stack.supervisor.is_up())
    stack.up(0)
    stack.wait_ready("pages", seconds=20)


def test_a_taken_port_is_named_with_the_service_that_needs_it(stack: Stack) -> None:
    with (
        socket.create_server(("127.0.0.1", stack.port_base)),
        pytest.raises(PortTaken, match=rf"port {stack.port_base}, which pages needs, is taken by process"),
    ):
        stack.up(0)
    assert leftovers.processes_of(stack.layout.run) == []


def test_a_run_directory_that_cannot_be_written_is_named(root: Path) -> None:
    (root / "file").write_text("in the way")
    with pytest.raises(DiskUnusable, match=r"file/run cannot be written: .*RUN_DIR="):
        Stack(root, root / "file" / "run", free_port()).up(0)


def test_a_failed_preparation_is_shown_with_its_log_and_nothing_stays(stack: Stack, root: Path) -> None:
    write(root, preparation="raise SystemExit('[no] such database')")
    with pytest.raises(ServiceFailed, match=r"preparation: exited with status 1(.|\n)*\[no\] such database"):
        stack.up(0)
    assert leftovers.processes_of(stack.layout.run) == []


def test_a_service_that_ends_again_and_again_is_not_waited_for(stack: Stack, root: Path) -> None:
    write(root, server="raise SystemExit('[no] address')")
    began = time.monotonic()
    with pytest.raises(ServiceFailed, match=r"pages: ended 3 times before it was ready(.|\n)*\[no\] address"):
        stack.up(0)
    assert time.monotonic() - began < READY_SECONDS / 2
    assert leftovers.processes_of(stack.layout.run) == []


def test_a_supervisord_that_dies_while_a_service_starts_is_named(stack: Stack, root: Path) -> None:
    write(root, server="import time; time.sleep(60)")

    def kill(service: str, state: str) -> None:
        if (service, state) == ("preparation", "done"):
            wait_for(lambda: stack.supervisor.programs()["pages"]["pid"])
            os.kill(int((stack.layout.run / "supervisord.pid").read_text()), signal.SIGKILL)

    with pytest.raises(StackError, match=r"supervisord is gone.*`\./run up` starts afresh"):
        stack.up(0, kill)
    assert leftovers.processes_of(stack.layout.run) == []


def test_down_says_what_it_stopped(stack: Stack, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("RUN_DIR", str(stack.layout.run))
    monkeypatch.setenv("PORT_BASE", str(stack.port_base))
    stack.up(0)
    assert "Stopped 2 services in" in CliRunner().invoke(cli.app, ["down"]).output
    assert "Nothing was running in" in CliRunner().invoke(cli.app, ["down"]).output


def test_a_look_at_what_does_not_run_makes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".env").write_text("SOME_PASSWORD=draw-another\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("RUN_DIR", str(root / "run"))
    for command in ("status", "logs", "down"):
        CliRunner().invoke(cli.app, [command])
    assert not (root / "run").exists()


def test_commands_find_what_runs_at_other_ports(
    stack: Stack, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("RUN_DIR", str(stack.layout.run))
    monkeypatch.delenv("PORT_BASE", raising=False)
    stack.up(0)
    stack.wait_ready()
    shown = json.loads(CliRunner().invoke(cli.app, ["status", "--json"]).output)
    assert shown["services"]["pages"]["ready"]


def test_what_runs_does_not_move_to_other_ports(stack: Stack) -> None:
    """That would stop everything; it is asked for in so many words."""
    stack.up(0)
    with pytest.raises(StackError, match=f"counts its ports from {stack.port_base}, not from 9000"):
        Stack(stack.layout.root, stack.layout.run, 9000).up(0)
    stack.wait_ready()


def test_what_a_stack_was_started_with_holds_until_it_is_started_with_something_else(
    stack: Stack, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("RUN_DIR", str(stack.layout.run))
    monkeypatch.setenv("PORT_BASE", str(stack.port_base))
    monkeypatch.setattr(cli, "_print_addresses", lambda *_: None)

    def typed(**environment: str) -> None:
        done = CliRunner().invoke(cli.app, ["up", "--stage", "0"], env=environment)
        assert done.exit_code == 0, done.output

    def title() -> str:
        return running.stack_of(root).environment("pages")["TITLE"]

    typed(TITLE="given", LETTER_KEY="secret")
    state = stack.layout.run / "state.json"
    assert "secret" not in state.read_text()
    assert state.stat().st_mode & 0o777 == 0o600
    began = stack.status()["pages"]["pid"]
    for shell in ("other", ""):
        monkeypatch.setenv("TITLE", shell)
        monkeypatch.setenv("LETTER_KEY", "secret")
        running.stack_of(root).up(0)  # as a step does it
        assert title() == "given"
        assert stack.status()["pages"]["pid"] == began
    typed(TITLE="other")
    assert title() == "other"
    typed()
    assert title() == "none"
