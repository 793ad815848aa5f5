"""The web process of the host in `echo`, less patient than hosts are, and asked byte by byte."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chassis.events.hosts import Program
from tests.ports import free_port, wait_for
from tests.probe import answers
from tests.python_path import ROOT

THREADS = 2
PATIENCE_SECONDS = 2.0
READ_SECONDS = 4.0
START_SECONDS = 20
TIMEOUT = 30.0


@contextmanager
def echo_process(directory: Path) -> Iterator[Program]:
    """It serves; its log has no traceback at the end."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "BIND": f"127.0.0.1:{free_port()}",
        "DJANGO_SETTINGS_MODULE": "tests.chassis.echo",
        "PATIENCE_SECONDS": str(PATIENCE_SECONDS),
        "READ_SECONDS": str(READ_SECONDS),
        "WEB_WORKERS": "1",
        "WEB_THREADS": str(THREADS),
    }
    log = directory / "log"
    program = Program(["strangler.chassis.web", "tests.chassis.echo:application"], environment, log)
    program.start()
    try:
        wait_for(lambda: program.running and answers(f"{program.url}/echo"), seconds=START_SECONDS)
        yield program
        assert "Traceback" not in log.read_text()
    finally:
        program.kill()


def connect(program: Program) -> socket.socket:
    host, port = program.environment["BIND"].split(":")
    return socket.create_connection((host, int(port)), timeout=TIMEOUT)


def left(client: socket.socket) -> bytes:
    """What it gets until the other side closes."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)
