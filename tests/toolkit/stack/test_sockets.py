"""A listening socket that is held: who is connected goes on, who comes waits."""

import errno
import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from strangler.toolkit.stack import sockets
from tests.ports import free_port, wait_for
from tests.python_path import ROOT

HOST = "127.0.0.1"
NAME = "web"
MODULE = [sys.executable, "-m", "strangler.toolkit.stack.sockets"]
AT_ONCE = 0.4
"""A connection that nobody holds takes less."""

PATIENCE = 10.0
GREETER = """
import socket
listener = socket.socket(fileno=3)
while True:
    client, _ = listener.accept()
    client.sendall(b"hello")
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keeper.sock"


@pytest.fixture
def keeper(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([*MODULE, "keep", str(path)], cwd=ROOT)
    try:
        wait_for(path.exists)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def ready() -> int:
    """A port where nobody answers yet."""
    return free_port()


@pytest.fixture
def greeter(keeper: object, path: Path, port: int, ready: int) -> Iterator[psutil.Process]:
    """A program that accepts at once, and holds until `ready` answers."""
    process = listening(path, port, "--until", f"http://{HOST}:{ready}/")
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def listening(path: Path, port: int, *options: str) -> subprocess.Popen[bytes]:
    """A greeter, begun through `sockets listen`."""
    program = [sys.executable, "-c", GREETER]
    command = [*MODULE, "listen", *options, str(path), f"{HOST}:{port}", NAME, *program]
    process = subprocess.Popen(command, cwd=ROOT)
    wait_for(lambda: psutil.Process(process.pid).cmdline() == program)
    return process


def connects(port: int, seconds: float) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=seconds):
            return True
    except TimeoutError:
        return False


def watcher(path: Path) -> psutil.Process:
    """The process beside a program that holds."""
    (found,) = (
        process
        for process in psutil.process_iter(["cmdline"])  # who ends meanwhile is left out
        if {"--until", str(path)} <= set(process.info["cmdline"] or ())
    )
    return found


def test_who_is_connected_goes_on_and_who_comes_waits(keeper: object, path: Path, port: int) -> None:
    listener = socket.socket(fileno=sockets.take(path, HOST, port))
    with listener, socket.create_connection((HOST, port), timeout=AT_ONCE) as there:
        server, _ = listener.accept()
        with server, sockets.ask_to_hold(path, HOST, port):
            assert not connects(port, AT_ONCE)
            there.sendall(b"still")
            assert server.recv(5) == b"still"
            with sockets.ask_to_hold(path, HOST, port):
                pass
            assert not connects(port, AT_ONCE), "another one holds it"
        assert connects(port, PATIENCE)


def test_program_gets_connections_when_it_is_ready(greeter: psutil.Process, port: int, ready: int) -> None:
    assert not connects(port, AT_ONCE)
    server = http.server.HTTPServer((HOST, ready), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with socket.create_connection((HOST, port), timeout=PATIENCE) as client:
            assert client.recv(5) == b"hello"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("victim", ["keeper", "watcher", "program"])
def test_whoever_is_killed_nobody_is_held_for_good(
    keeper: subprocess.Popen[bytes], greeter: psutil.Process, path: Path, port: int, victim: str
) -> None:
    assert not connects(port, AT_ONCE)
    victims: dict[str, Any] = {"keeper": keeper, "watcher": watcher(path), "program": greeter}
    with socket.socket(fileno=sockets.take(path, HOST, port)):
        victims[victim].kill()
        assert connects(port, PATIENCE)


def test_a_keeper_that_dies_while_a_process_ends_holds_nobody(
    keeper: subprocess.Popen[bytes], path: Path, port: int
) -> None:
    process = listening(path, port)
    try:
        sockets.hold_while_listening(path, HOST, port, process.pid)
        assert not connects(port, AT_ONCE)
        keeper.kill()
        assert connects(port, PATIENCE)
    finally:
        process.kill()
        process.wait()


def test_a_process_that_ends_is_given_no_connection_until_it_has_closed_the_socket(
    keeper: object, path: Path, port: int
) -> None:
    process = listening(path, port)
    try:
        assert connects(port, AT_ONCE)
        with socket.socket(fileno=sockets.take(path, HOST, port)):
            sockets.hold_while_listening(path, HOST, port, process.pid)
            assert not connects(port, AT_ONCE)
            process.terminate()
            process.wait()
            assert connects(port, PATIENCE)
    finally:
        process.kill()
        process.wait()


def test_without_filters_in_the_kernel_the_program_begins_all_the_same(
    path: Path, port: int, ready: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(listener: socket.socket) -> None:
        raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    begun: list[list[str]] = []

    def become(descriptor: int, name: str, command: list[str]) -> None:
        os.close(descriptor)
        begun.append(command)

    monkeypatch.setattr(sockets, "hold", refused)
    monkeypatch.setattr(sockets, "become", become)
    until = f"http://{HOST}:{ready}/"
    words = ["sockets", "listen", "--until", until, str(path), f"{HOST}:{port}", NAME, "program"]
    monkeypatch.setattr(sys, "argv", words)
    with sockets.Keeper(path) as keeper:
        thread = threading.Thread(target=keeper.serve_forever)
        thread.start()
        sockets.main()
        keeper.shutdown()
        thread.join()
        keeper.bound(HOST, port).close()
    assert begun == [["program"]]
    assert "new connections are not held" in capsys.readouterr().err
