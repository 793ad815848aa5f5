"""`/livez` and `/readyz` of a process that serves nothing else."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

SILENT_SECONDS = 5.0
"""Who says nothing for so long holds a thread no more."""


class Health:
    """`trouble` gives what the process lacks, by name; nothing, when it is ready."""

    def __init__(self, trouble: Callable[[], dict[str, str]]) -> None:
        self.trouble = trouble

    def start(self, bind: str) -> None:
        """Answer at `host:port` from a thread; without an address, nowhere."""
        if not bind:
            return
        host, _, port = bind.rpartition(":")
        trouble = self.trouble

        class Answers(BaseHTTPRequestHandler):
            timeout = SILENT_SECONDS

            def do_GET(self) -> None:
                found = trouble() if self.path == "/readyz" else {}
                body = msgspec.json.encode({"status": "unavailable" if found else "ok", **found})
                self.send_response(503 if found else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Probes are no news."""

        server = ThreadingHTTPServer((host, int(port)), Answers)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
