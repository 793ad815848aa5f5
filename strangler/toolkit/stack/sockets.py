"""Listening sockets that outlive the processes that serve them.

The keeper binds an address once and hands the socket to whoever asks over a Unix socket (SCM_RIGHTS).
`listen` asks, then becomes the given command with the socket open as file descriptor 3, after the
protocol of systemd's socket activation (sd_listen_fds(3)). Two programs that listen on the same socket
share its queue, so one can take over from the other without a refused or reset connection.

The keeper binds but does not listen: should it be killed and started again, its new socket receives
nothing until somebody listens on it, and connections keep going to the processes that hold the old one.
"""

import argparse
import os
import socket
import socketserver
from pathlib import Path


class Keeper(socketserver.UnixStreamServer):
    """Hands out one socket an address, always the same."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        super().__init__(str(path), HandOut)
        self.sockets: dict[tuple[str, int], socket.socket] = {}

    def bound(self, host: str, port: int) -> socket.socket:
        if (host, port) not in self.sockets:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind((host, port))
            self.sockets[host, port] = listener
        return self.sockets[host, port]


class HandOut(socketserver.StreamRequestHandler):
    """One request: a line `host port`, answered with a byte and the socket's file descriptor."""

    def handle(self) -> None:
        assert isinstance(self.server, Keeper)
        host, port = self.rfile.readline().decode().split()
        listener = self.server.bound(host, int(port))
        socket.send_fds(self.request, [b"+"], [listener.fileno()])


def take(path: Path, host: str, port: int) -> int:
    """The file descriptor of the keeper's socket for this address, listening."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(f"{host} {port}\n".encode())
        _, descriptors, _, _ = socket.recv_fds(client, 1, 1)
    if not descriptors:
        raise OSError(f"the keeper at {path} did not hand out {host}:{port}; see its log")
    listener = socket.socket(fileno=descriptors[0])
    listener.listen(2048)
    return listener.detach()


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
    listen.add_argument("address", help="HOST:PORT")
    listen.add_argument("name", help="the socket's name for the command (LISTEN_FDNAMES)")
    listen.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if arguments.verb == "keep":
        Keeper(arguments.path).serve_forever()
    host, port = arguments.address.rsplit(":", 1)
    become(take(arguments.path, host, int(port)), arguments.name, arguments.command)


if __name__ == "__main__":
    main()
