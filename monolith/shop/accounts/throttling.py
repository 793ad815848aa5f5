"""How often a login may be tried: per e-mail address and client, counted in the database for all processes.

One `INSERT … ON CONFLICT` counts and tells the count, so two processes never both take the last attempt.
"""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

COUNT = """
INSERT INTO accounts_loginattempts AS a (subject, window_start, attempts) VALUES (%(subject)s, %(start)s, 1)
ON CONFLICT (subject) DO UPDATE SET
    attempts = CASE WHEN a.window_start = excluded.window_start THEN a.attempts + 1 ELSE 1 END,
    window_start = excluded.window_start
RETURNING attempts
"""


class LoginThrottle(SimpleRateThrottle):
    """Fixed windows of LOGIN_RATE, which is read for each request: a change takes effect at once."""

    scope = "login"

    def get_rate(self) -> str:
        return str(settings.LOGIN_RATE)

    def allow_request(self, request: Request, view: Any) -> bool:
        if not self.num_requests or not self.duration:
            return True
        now = time.time()
        start = now - now % self.duration
        email = request.data.get("email") if isinstance(request.data, dict) else None
        subject = hashlib.sha256(
            f"{str(email).strip().lower()}\n{self.get_ident(request)}".encode("utf-8", "replace")
        )
        parameters = {"subject": subject.hexdigest(), "start": datetime.fromtimestamp(start, UTC)}
        with connection.cursor() as cursor:
            cursor.execute(COUNT, parameters)
            attempts = cursor.fetchone()[0]
        self.remaining = start + self.duration - now
        return bool(attempts <= self.num_requests)

    def wait(self) -> float:
        return max(1.0, self.remaining)
