"""Listening sockets that outlive the processes that serve them.

The keeper binds an address once and hands the socket to whoever asks over a Unix socket (SCM_RIGHTS).
`listen` asks, then becomes the given command with the socket open as file descriptor 3, after the
protocol of systemd's socket activation (sd_listen_fds(3)). Two programs that listen on the same socket
share its queue, so one can take over from the other without a refused or reset connection.

The keeper binds but does not listen: should it be killed and started again, its new socket receives
nothing until somebody listens on it, and connections keep going to the processes that hold the old one.

A program may accept before it can answer, as a gateway does that does not know its routes yet, and may lose
what it accepts as it ends. So nobody gets a new connection on the socket while such a program begins
(`--until URL`: until the URL answers) and when it is told to end (`hold_while_listening`): their first
packets are dropped, which their kernels send again a second later (RFC 6298). Connections that are there
go on; those that waited for a program that died are passed on to its successor once that can answer.
"""

import argparse
import ctypes
import os
import select
import socket
import socketserver
import struct
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
TCP_FLAGS, SYN, SYN_ACK = 13, 0x02, 0x12
NO_SYN = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, TCP_FLAGS),  # load the byte
        (0x54, 0, 0, SYN_ACK),  # its SYN and ACK
        (0x15, 0, 1, SYN),  # SYN alone: the next one; else the one after
        (0x06, 0, 0, 0),  # keep nothing of the packet
        (0x06, 0, 0, 0xFFFFFFFF),  # keep all of it
    )
)
"""A classic BPF program (Linux, "Linux Socket Filtering") that drops what asks for a new connection, and
nothing else: a connection made at this moment inherits it."""

INSTRUCTION_BYTES = 8

HOLD_SECONDS = 20.0
"""After which a program gets its connections although it is not ready."""

POLL_SECONDS = 0.05
PROBE_SECONDS = 1.0
UNSERVED_SECONDS = 0.1
"""Who serves the socket has taken whoever waits within this time."""

PIECE_BYTES = 65536


class Keeper(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Hands out one socket an address, always the same."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        super().__init__(str(path), HandOut)
        self.sockets: dict[tuple[str, int], socket.socket] = {}
        self.holders = Counter[socket.socket]()
        self.lock = threading.Lock()

    def bound(self, host: str, port: int) -> socket.socket:
        with self.lock:
            if (host, port) not in self.sockets:
                listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                listener.bind((host, port))
                self.sockets[host, port] = listener
            return self.sockets[host, port]

    @contextmanager
    def holding(self, listener: socket.socket) -> Iterator[None]:
        """Nobody gets a new connection on it."""
        with self.lock:
            self.holders[listener] += 1
            hold(listener)
        try:
            yield
        finally:
            with self.lock:
                self.holders[listener] -= 1
                if not self.holders[listener]:
                    release(listener)


class HandOut(socketserver.StreamRequestHandler):
    """One request: a line `host port`, answered with a byte and the socket's file descriptor; or `host port
    hold`, answered with a byte: it is held as long as the client stays."""

    def handle(self) -> None:
        assert isinstance(self.server, Keeper)
        host, port, *what = self.rfile.readline().decode().split()
        listener = self.server.bound(host, int(port))
        if what == ["hold"]:
            with self.server.holding(listener):
                self.wfile.write(b"+")
                self.rfile.read()
        else:
            socket.send_fds(self.request, [b"+"], [listener.fileno()])


def hold(listener: socket.socket) -> None:
    """Drop what asks for a new connection."""
    program = ctypes.create_string_buffer(NO_SYN, len(NO_SYN))
    length = len(NO_SYN) // INSTRUCTION_BYTES
    filtering = struct.pack("HP", length, ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filtering)


def release(listener: socket.socket) -> None:
    """Receive again; nothing if nobody holds it."""
    with suppress(FileNotFoundError):
        listener.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def ask(path: Path, request: str) -> socket.socket:
    """A connection to the keeper, with the request sent."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(10)
    client.connect(str(path))
    client.sendall(f"{request}\n".encode())
    return client


def ask_to_hold(path: Path, host: str, port: int) -> socket.socket:
    """The socket is held as long as this connection stays open."""
    client = ask(path, f"{host} {port} hold")
    with suppress(OSError):
        if client.recv(1) == b"+":
            return client
    client.close()
    raise OSError(f"the keeper at {path} did not hold {host}:{port}; see its log")


def take(path: Path, host: str, port: int) -> int:
    """The file descriptor of the keeper's socket for this address, listening."""
    with ask(path, f"{host} {port}") as client:
        _, descriptors, _, _ = socket.recv_fds(client, 1, 1)
    if not descriptors:
        raise OSError(f"the keeper at {path} did not hand out {host}:{port}; see its log")
    listener = socket.socket(fileno=descriptors[0])
    listener.listen(2048)
    return listener.detach()


def hold_until(path: Path, host: str, port: int, descriptor: int, url: str) -> None:
    """Hold the socket until the URL answers, this process has ended, or HOLD_SECONDS are over.

    By a process beside this one, which becomes the program; it is nobody's child, for the program would not
    wait for it. The keeper lets go if it dies; and it lets go if the keeper dies. Those who waited for a
    server that has died do so beside this process, too, and then are passed on.
    """
    keeping = ask_to_hold(path, host, port)
    program = os.pidfd_open(os.getpid())
    waiting = _unserved(descriptor)  # last: from here on nothing fails that would close them
    if not (child := os.fork()):
        if not os.fork():
            _watch(keeping, program, descriptor, url)
            keeping.close()
            _pass_on(waiting, host, port)
        os._exit(0)
    os.waitpid(child, 0)
    keeping.close()
    os.close(program)


def hold_while_listening(path: Path, host: str, port: int, pid: int) -> None:
    """Hold the socket from now on, and let go, in a thread, as soon as the process has closed it, or the
    keeper has died."""
    listener = socket.socket(fileno=take(path, host, port))
    try:
        keeping = ask_to_hold(path, host, port)
    except OSError:
        listener.close()
        raise

    def watch() -> None:
        ends = time.monotonic() + HOLD_SECONDS
        with keeping, listener:
            while time.monotonic() < ends and _listens(pid, port):
                if select.select([keeping], [], [], POLL_SECONDS)[0]:
                    release(listener)
                    return

    threading.Thread(target=watch, name="hold", daemon=True).start()


def _listens(pid: int, port: int) -> bool:
    import psutil  # not in the programs that this module becomes, which are to start at once

    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections)


def _watch(keeping: socket.socket, program: int, descriptor: int, url: str) -> None:
    """In the process beside: the keeper lets go when this one ends."""
    ends = time.monotonic() + HOLD_SECONDS
    while time.monotonic() < ends and not _answers(url):
        watched: list[Any] = [keeping, program]
        ended, _, _ = select.select(watched, [], [], POLL_SECONDS)
        if keeping in ended:
            release(socket.socket(fileno=descriptor))
        if ended:
            return


def _unserved(descriptor: int) -> list[socket.socket]:
    """Connections that nobody takes, while no new ones come: whoever served the socket has died."""
    found = []
    with socket.socket(fileno=os.dup(descriptor)) as listener:
        if select.select([listener], [], [], 0)[0]:
            time.sleep(UNSERVED_SECONDS)
            listener.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    found.append(listener.accept()[0])
    return found


def _pass_on(waiting: list[socket.socket], host: str, port: int) -> None:
    """Carry the bytes of these connections to the socket's server and back, until one side ends."""
    threads = [threading.Thread(target=_carry, args=(client, host, port)) for client in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _carry(client: socket.socket, host: str, port: int) -> None:
    with suppress(OSError), client, socket.create_connection((host, port), HOLD_SECONDS) as server:
        server.settimeout(None)
        other = {client: server, server: client}
        while True:
            for one in select.select(list(other), [], [])[0]:
                piece = one.recv(PIECE_BYTES)
                if not piece:
                    return
                other[one].sendall(piece)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS):  # noqa: S310 - the compose file's
            return True
    except OSError:
        return False


def become(descriptor: int, name: str, command: list[str]) -> None:
    """Replace this process by the command, with the socket as descriptor 3."""
    if descriptor != 3:
        os.dup2(descriptor, 3)
        os.close(descriptor)
    os.set_inheritable(3, True)
    activation = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": name}
    os.execvpe(command[0], command, {**os.environ, **activation})  # noqa: S606 - that is its purpose


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    keep = verbs.add_parser("keep", help="bind sockets and hand them out")
    keep.add_argument("path", type=Path)
    listen = verbs.add_parser("listen", help="become COMMAND with a kept socket as descriptor 3")
    listen.add_argument("path", type=Path)
    listen.add_argument("--until", default="", help="hold new connections until this URL answers")
    listen.add_argument("address", help="HOST:PORT")
    listen.add_argument("name", help="the socket's name for the command (LISTEN_FDNAMES)")
    listen.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if arguments.verb == "keep":
        Keeper(arguments.path).serve_forever()
    host, port = arguments.address.rsplit(":", 1)
    descriptor = take(arguments.path, host, int(port))
    if arguments.until:
        try:
            hold_until(arguments.path, host, int(port), descriptor, arguments.until)
        except OSError as error:
            # A kernel without socket filters: it begins all the same.
            sys.stderr.write(f"new connections are not held while it begins: {error}\n")
    become(descriptor, arguments.name, arguments.command)


if __name__ == "__main__":
    main()
