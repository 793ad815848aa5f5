"""What the gateway answers by itself, in the one error shape: `python -m strangler.gateway.pages HOST:PORT`.

Traefik cannot answer JSON of its own. This process can, needs nothing else to be up, and is asked only
when no host has answered: `/problems/<status>` for a status of Traefik's, anything else for a route whose
host is gone.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from strangler.chassis.bodies import pieces
from strangler.chassis.request_ids import request_id
from strangler.chassis.shape import RETRY_AFTER, TOO_LARGE, UNAVAILABLE, UNKNOWN, document

SILENT_SECONDS = 60.0
"""Then a connection is closed; the gateway closes those that it does not use before (`idleConnTimeout`)."""
PROBLEMS: dict[int, tuple[str, str]] = {
    404: ("not_found", "Not found."),
    413: TOO_LARGE,
    429: ("throttled", "Request was throttled. Try again."),
    502: UNKNOWN,
    503: UNAVAILABLE,
    504: ("gateway_timeout", "The service did not answer in time."),
}


def problem(status: int) -> bytes:
    """The error document of a status; 503's for one that has none of its own."""
    code, detail = PROBLEMS.get(status, PROBLEMS[503])
    return json.dumps(document(status, [(code, detail, None)]), separators=(",", ":")).encode()


class Pages(BaseHTTPRequestHandler):
    """Answers every method alike."""

    protocol_version = "HTTP/1.1"
    timeout = SILENT_SECONDS

    def answer(self) -> None:
        for _ in pieces(self):
            continue
        last = self.path.partition("?")[0].rsplit("/", 1)[-1]
        if self.path == "/livez":
            status, body = 200, b'{"status":"ok"}'
        else:
            status = int(last) if self.path.startswith("/problems/") and last.isdigit() else 503
            body = problem(status)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-Id", request_id(self.headers.get("X-Request-Id", "")))
        if status in (429, 503):
            self.send_header("Retry-After", str(RETRY_AFTER))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, format: str, *args: object) -> None:
        """The gateway's access log has it already."""


def main() -> None:
    host, _, port = sys.argv[1].rpartition(":")
    ThreadingHTTPServer((host, int(port)), Pages).serve_forever()


if __name__ == "__main__":
    main()
