"""Is it ready? One probe a scheme; each answers at once."""

import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import requests

from strangler.chassis import consul

TIMEOUT = 2.0
AMQP_GREETING = b"AMQP\x00\x00\x09\x01"


def is_ready(url: str) -> bool:
    """Whether what the URL names answers as it should. No URL: nothing to wait for."""
    parts = urlsplit(url)
    probe = PROBES.get(parts.scheme)
    try:
        return probe is None or probe(url)
    except (OSError, requests.RequestException, subprocess.SubprocessError):
        return False


def _http(url: str) -> bool:
    return requests.get(url, timeout=TIMEOUT).ok


def _unix(url: str) -> bool:
    return Path(urlsplit(url).path).is_socket()


def _postgres(url: str) -> bool:
    parts = urlsplit(url)
    address = ["-h", parts.hostname or "", "-p", str(parts.port), "-U", "postgres"]
    # Its own patience is longer than ours, unless it is told.
    command = ["pg_isready", "-q", "-t", "1", *address]
    return subprocess.run(command, check=False, timeout=TIMEOUT).returncode == 0  # noqa: S603


def _amqp(url: str) -> bool:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), TIMEOUT) as connection:
        connection.sendall(AMQP_GREETING)
        return connection.recv(1) == b"\x01"


def _consul(url: str) -> bool:
    parts = urlsplit(url)
    leader = consul.ask("GET", f"http://{parts.netloc}/v1/status/leader", timeout=TIMEOUT)
    return leader.ok and len(leader.text) > 4


PROBES = {"http": _http, "unix": _unix, "postgres": _postgres, "amqp": _amqp, "consul": _consul}
