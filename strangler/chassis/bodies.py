"""Request bodies for `http.server`, which leaves them to its handlers: by length or in chunks (RFC 9112).

What is not read stands before the next request on the same connection.
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

PIECE = 65536
LONGEST_LINE = 4096


def pieces(request: BaseHTTPRequestHandler) -> Iterator[bytes]:
    """The body, piece by piece; a client that breaks off ends it, and its connection."""
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
        yield from _chunks(request)
    else:
        length = request.headers.get("Content-Length", "")
        yield from _exactly(int(length) if length.isdigit() else 0, request)


def _exactly(length: int, request: BaseHTTPRequestHandler) -> Iterator[bytes]:
    while length > 0:
        piece = request.rfile.read(min(length, PIECE))
        if not piece:
            request.close_connection = True
            return
        length -= len(piece)
        yield piece


def _chunks(request: BaseHTTPRequestHandler) -> Iterator[bytes]:
    while True:
        size = request.rfile.readline(LONGEST_LINE).partition(b";")[0].strip()
        try:
            length = int(size, 16)
        except ValueError:
            length = -1
        if length < 0:
            request.close_connection = True
            return
        if length == 0:
            while request.rfile.readline(LONGEST_LINE).strip():
                continue  # trailers
            return
        yield from _exactly(length, request)
        request.rfile.readline(LONGEST_LINE)
