"""supervisord: its configuration and its remote interface."""

import http.client
import os
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from strangler.toolkit.stack.errors import StackError
from strangler.toolkit.stack.program import Layout, Program

SPAWN_ERROR, ALREADY_STARTED, NOT_RUNNING = 50, 60, 70  # supervisord's faults
STOPPED_POLL_SECONDS = 0.05

HEADER = """\
[supervisord]
nodaemon=false
directory={root}
logfile={logs}/supervisord.log
pidfile={run}/supervisord.pid
childlogdir={logs}
{user}
[unix_http_server]
file={socket}
chmod=0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

PROGRAM = """\
[program:{name}]
command={command}
environment={environment}
directory={root}
autostart=false
autorestart=true
startsecs=1
startretries=1000000
stopsignal={signal}
stopwaitsecs={seconds:.0f}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
"""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self.path))
        except OSError:
            self.close()
            raise


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(self.path)
        self._connection = host, connection
        return connection

    def request(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().request(*arguments, **options)
        finally:
            self.close()  # each proxy is used once; a kept connection would be nobody's to close


class Supervisor:
    """supervisord of one run directory."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.socket = layout.sockets / "supervisor.sock"
        self.config = layout.run / "supervisord.conf"

    @property
    def rpc(self) -> Any:
        """A client of its own for each use: the remote interface's client is not thread-safe."""
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(self.socket))
        return proxy.supervisor

    def is_up(self) -> bool:
        try:
            return bool(self.rpc.getState()["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Error, http.client.HTTPException):
            return False

    def write(self, programs: Iterable[Program]) -> None:
        layout = self.layout
        user = "user=root\n" if os.geteuid() == 0 else ""
        root, logs = _plain(layout.root), _plain(layout.logs)
        text = HEADER.format(
            root=root, logs=logs, run=_plain(layout.run), socket=_plain(self.socket), user=user
        )
        for program in programs:
            text += PROGRAM.format(
                name=program.name,
                command=_plain(shlex.join(program.command)),
                environment=",".join(f"{k}={_quoted(v)}" for k, v in program.environment.items()),
                root=root,
                logs=_plain(logs),  # which supervisord reads as such twice
                signal=program.stop_signal,
                seconds=program.stop_seconds,
            )
        self.config.touch(mode=0o600)
        self.config.write_text(text)

    def start(self) -> None:
        """Start supervisord and wait until it answers."""
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config)]
        environment = self.layout.base_environment()
        done = subprocess.run(  # noqa: S603 - the command is ours
            command, env=environment, capture_output=True, text=True, check=False
        )
        deadline = time.monotonic() + 15
        while done.returncode == 0 and time.monotonic() < deadline:
            if self.is_up():
                return
            time.sleep(0.05)
        log = self.layout.logs / "supervisord.log"
        raise StackError(f"supervisord did not start; see {log}.\n{done.stdout}{done.stderr}".rstrip())

    def reload(self) -> tuple[list[str], list[str], list[str]]:
        """Read the configuration again: the names of the programs added, changed and removed."""
        added, changed, removed = self.rpc.reloadConfig()[0]
        return added, changed, removed

    def add(self, name: str) -> None:
        self.rpc.addProcessGroup(name)

    def run(self, name: str) -> None:
        """Start a program; one that runs already is left alone. One that ends at once, or cannot be started
        yet, is no error: supervisord starts it again, until it is stopped."""
        self._tolerating({ALREADY_STARTED, SPAWN_ERROR}, "startProcess", name, False)

    def stop(self, name: str) -> None:
        """Stop a program and wait for it; one that does not run is left alone."""
        # Not by stopProcess's own wait, over which supervisord polls without a pause.
        self._tolerating({NOT_RUNNING}, "stopProcess", name, False)
        while self._info(name)["statename"] == "STOPPING":  # it is killed in the end: see stopwaitsecs
            time.sleep(STOPPED_POLL_SECONDS)

    def remove(self, name: str) -> None:
        self.stop(name)
        self.rpc.removeProcessGroup(name)

    def programs(self) -> dict[str, dict[str, Any]]:
        """What supervisord knows of each program, by name."""
        return {info["name"]: info for info in self.rpc.getAllProcessInfo()}

    def trouble(self, name: str) -> str:
        """Why supervisord could not start the program when it last tried; "" if it could."""
        return str(self._info(name)["spawnerr"])

    def ended_at(self, name: str) -> int:
        """When the program last ended, in seconds since 1970; 0 if it never did. Raises StackError if
        supervisord is gone."""
        return int(self._info(name)["stop"])

    def shutdown(self) -> None:
        self.rpc.shutdown()

    def _info(self, name: str) -> dict[str, Any]:
        try:
            info: dict[str, Any] = self.rpc.getProcessInfo(name)
            return info
        except (OSError, http.client.HTTPException) as error:
            raise StackError(f"supervisord is gone: {error}. `./run up` starts afresh.") from error

    def _tolerating(self, codes: set[int], verb: str, *arguments: Any) -> None:
        try:
            getattr(self.rpc, verb)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode not in codes:
                raise StackError(
                    f"supervisord could not {verb} {arguments[0]}: {fault.faultString}"
                ) from fault


def _plain(value: object) -> str:
    """Text in which supervisord is to fill in nothing."""
    return str(value).replace("%", "%%")


def _quoted(value: str) -> str:
    return '"' + _plain(value).replace('"', '\\"') + '"'
