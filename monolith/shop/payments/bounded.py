"""HTTP answers that have come whole by a certain moment, or not at all.

`requests` bounds each wait for something to come. A server that sends a byte now and then, of the head or the
body, would hold its caller for as long as it likes: so each wait lasts for what is left of the whole time.
"""

import io
import threading
import time
from http.client import HTTPResponse
from socket import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

CONNECT_SECONDS = 0.5
PIECE = 8192

_thread = threading.local()
"""`ends`: when this thread's request is over."""


class TooLong(requests.RequestException):
    """The answer is longer than any that makes sense."""


class _Reader(io.RawIOBase):
    """What comes on a connection, until the time is over."""

    def __init__(self, connection: socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(_left())
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Reader(sock))


class _Plain(HTTPConnection):
    response_class = _Answer


class _Secure(HTTPSConnection):
    response_class = _Answer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


POOLS = {"http": _PlainPool, "https": _SecurePool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """As `init_poolmanager`, for where the environment names a proxy (HTTPS_PROXY)."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager


_session = requests.Session()
for scheme in ("http://", "https://"):
    _session.mount(scheme, _Adapter(pool_connections=1, pool_maxsize=32))


def post(url: str, *, ends: float, longest: int, **more: Any) -> tuple[int, bytes]:
    """Status and body of the answer, by `ends` (`time.monotonic`); raises requests.RequestException."""
    _thread.ends = ends
    left = _left()
    with _session.post(url, timeout=(min(CONNECT_SECONDS, left), left), stream=True, **more) as answer:
        body = b""
        for piece in answer.iter_content(PIECE):
            body += piece
            if len(body) > longest:
                raise TooLong(f"more than {longest} bytes")
    return answer.status_code, body


def _left() -> float:
    left: float = _thread.ends - time.monotonic()
    if left <= 0:
        raise requests.Timeout("the time is over")
    return left
