"""An SMTP sink: takes every mail, keeps it, and shows it as JSON.

    SMTP_BIND=127.0.0.1:2525 HTTP_BIND=127.0.0.1:8025 SMTP_STATE=mails.sqlite python -m tests.outside.smtp

A mail is acknowledged when it is on disk, so it survives kill -9. Recipients at `refused.example` are refused
for good (550), those at `later.example` for now (451). Each mail takes SMTP_SLOW_SECONDS. `GET
/mails?to=&message_id=` lists what was taken, in the order of arrival; `DELETE /mails` forgets it; `GET
/livez` answers.
"""

import asyncio
import email.policy
import json
import os
import signal
import sqlite3
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiosmtpd.controller import Controller

SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (
    id INTEGER PRIMARY KEY, received_at TEXT, sender TEXT, recipient TEXT, message_id TEXT,
    subject TEXT, body TEXT
)
"""
COLUMNS = ("id", "received_at", "sender", "recipient", "message_id", "subject", "body")
INSERT = """
INSERT INTO mails (received_at, sender, recipient, message_id, subject, body) VALUES (?, ?, ?, ?, ?, ?)
"""
SELECT = """
SELECT id, received_at, sender, recipient, message_id, subject, body FROM mails
WHERE (:to IS NULL OR recipient = :to) AND (:message_id IS NULL OR message_id = :message_id) ORDER BY id
"""
ANSWERS = {"refused.example": "550 No such mailbox", "later.example": "451 Try again later"}


class Mails:
    """The mails on disk; used by several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(SCHEMA)

    def add(self, sender: str, recipients: list[str], content: bytes) -> None:
        """Keep one mail to these recipients; on disk when this returns."""
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(("plain",))
        text = body.get_content().replace("\r\n", "\n") if body is not None else ""
        received = datetime.now(UTC).isoformat()
        rows = [(received, sender, r, message["Message-ID"], message["Subject"], text) for r in recipients]
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany(INSERT, rows)
            self._database.execute("COMMIT")

    def select(self, **filters: str) -> list[dict[str, Any]]:
        """Mails in the order of arrival, narrowed by `to` and `message_id`."""
        with self._lock:
            rows = self._database.execute(SELECT, {"to": None, "message_id": None, **filters}).fetchall()
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._database.execute("DELETE FROM mails")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


class Receiver:
    """aiosmtpd's hooks."""

    def __init__(self, mails: Mails, slow_seconds: float) -> None:
        self.mails = mails
        self.slow_seconds = slow_seconds

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = ANSWERS.get(address.rpartition("@")[2])
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(self.slow_seconds)
        self.mails.add(envelope.mail_from, envelope.rcpt_tos, envelope.content)
        return "250 Kept"


def view(mails: Mails) -> type[BaseHTTPRequestHandler]:
    """The HTTP side."""

    class View(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/livez":
                self._answer(200, {"status": "ok"})
            elif url.path == "/mails":
                self._answer(200, mails.select(**dict(parse_qsl(url.query))))
            else:
                self._answer(404, {"detail": "Not found."})

        def do_DELETE(self) -> None:
            mails.clear()
            self._answer(200, [])

        def _answer(self, status: int, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Silent: it is polled."""

    return View


def address(value: str) -> tuple[str, int]:
    """`host:port`."""
    host, _, port = value.rpartition(":")
    return host, int(port)


def main() -> None:
    """Serve until SIGTERM."""
    mails = Mails(Path(os.environ.get("SMTP_STATE", ".run/data/smtp.sqlite")))
    slow = float(os.environ.get("SMTP_SLOW_SECONDS", "0"))
    host, port = address(os.environ.get("SMTP_BIND", "127.0.0.1:2525"))
    controller = Controller(Receiver(mails, slow), hostname=host, port=port)
    server = ThreadingHTTPServer(address(os.environ.get("HTTP_BIND", "127.0.0.1:8025")), view(mails))
    server.daemon_threads = True

    def stop(*_: Any) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    controller.start()
    server.serve_forever(poll_interval=0.1)
    controller.stop()
    server.server_close()
    mails.close()


if __name__ == "__main__":
    main()
