"""`strangler traces serve`: the trace backend as a process."""

import gzip
import re
import sqlite3
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import msgspec
import typer

from strangler.chassis.bodies import pieces
from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.options import of_caller
from strangler.toolkit.traces import otlp, pages
from strangler.toolkit.traces.store import Store

app = typer.Typer(help="A small trace backend: OTLP in, waterfalls out.", no_args_is_help=True)
LARGEST_BODY = 8 * 1024 * 1024
TRACE = re.compile(r"^/(api/)?traces/([0-9a-f]{32})$")


class CannotServe(ToolkitError):
    """The address is taken, or the file cannot be written."""


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise typer.BadParameter(f"{text!r} is no HOST:PORT: 127.0.0.1:4318")
    return text


@app.callback()
def main() -> None:
    """Traces of a running stack."""


@app.command()
def serve(
    bind: Annotated[str, typer.Option(help="HOST:PORT to listen on.", callback=_address)] = "127.0.0.1:4318",
    state: Annotated[Path, typer.Option(help="The SQLite file.", callback=of_caller)] = Path(
        ".run/traces.sqlite"
    ),
) -> None:
    """Receive OTLP/HTTP at /v1/traces; pages at /, JSON at /api/traces and /api/traces/<id>."""
    host, _, port = bind.rpartition(":")
    try:
        server = Backend((host, int(port)), Handler)
        server.store = Store(state)
    except (OSError, sqlite3.Error) as error:
        raise CannotServe(
            f"{bind} or {state} cannot be had: {error}. Name others: --bind, --state"
        ) from error
    server.serve_forever()


class Backend(ThreadingHTTPServer):
    """The server; a thread a request."""

    store: Store
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Backend

    def do_POST(self) -> None:
        body = b""
        for piece in pieces(self):
            body += piece
            if len(body) > LARGEST_BODY:
                self.close_connection = True
                return self._send(413, b"{}")
        if self.path != "/v1/traces":
            return self._send(404, b"{}")
        try:
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.GzipFile(fileobj=BytesIO(body)).read(LARGEST_BODY + 1)
                if len(body) > LARGEST_BODY:
                    return self._send(413, b"{}")
            content_type = self.headers.get("Content-Type", "")
            self.server.store.add(otlp.decode(body, content_type))
        except (ValueError, OSError, EOFError, OverflowError, zlib.error) as error:
            return self._send(400, str(error).encode(), "text/plain")
        except sqlite3.Error as error:
            return self._send(503, str(error).encode(), "text/plain")
        return self._send(200, b"{}" if "json" in content_type else b"", content_type)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        name, limit = query.get("name", [""])[0], query.get("limit", ["50"])[0]
        limit_number = min(int(limit), 1000) if limit.isdigit() else 50
        store = self.server.store
        if url.path == "/livez":
            return self._send(200, b'{"status":"ok"}')
        if url.path == "/api/traces":
            return self._send(200, msgspec.json.encode(store.recent(name=name, limit=limit_number)))
        if url.path == "/":
            return self._html(pages.recent(store.recent(name=name, limit=limit_number), name))
        match = TRACE.match(url.path)
        spans = store.trace(match[2]) if match else []
        if match and not match[1] and not spans:
            return self._html(pages.missing(match[2]), 404)
        if not match or not spans:
            return self._send(404, b'{"error":"no such trace"}')
        if match[1]:
            return self._send(200, msgspec.json.encode(spans))
        return self._html(pages.waterfall(match[2], spans))

    def log_message(self, format: str, *args: object) -> None:
        """A line a request would drown everything else."""

    def _html(self, text: str, status: int = 200) -> None:
        self._send(status, text.encode(), "text/html; charset=utf-8")

    def _send(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type or "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
