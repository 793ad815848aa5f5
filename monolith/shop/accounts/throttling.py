"""How often a login may be tried: per e-mail address and client, counted in the database for all processes.

One `INSERT … ON CONFLICT` counts and tells the count, so two processes never both take the last attempt.
"""

import hashlib
import math
import time
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from strangler.chassis.config import current

COUNT = """
INSERT INTO accounts_loginattempts AS a (subject, window_start, attempts) VALUES (%(subject)s, %(start)s, 1)
ON CONFLICT (subject) DO UPDATE SET
    attempts = CASE WHEN a.window_start = excluded.window_start THEN a.attempts + 1 ELSE 1 END,
    window_start = excluded.window_start
RETURNING attempts
"""


class LoginThrottle(SimpleRateThrottle):
    """Fixed windows of the setting `login_rate`, read for each request: a change takes effect at once."""

    scope = "login"
    remaining = 0.0

    def get_rate(self) -> str:
        return current().login_rate

    def allow_request(self, request: Request, view: Any) -> bool:
        allowed, duration = self.parse_rate(self.get_rate())
        if not allowed or not duration:
            return True
        now = time.time()
        start = now - now % duration
        self.remaining = start + duration - now
        parameters: dict[str, Any] = {
            "subject": self._subject(request),
            "start": datetime.fromtimestamp(start, UTC),
        }
        with connection.cursor() as cursor:
            cursor.execute(COUNT, parameters)
            (attempts,) = cursor.fetchone()
        return bool(attempts <= allowed)

    def _subject(self, request: Request) -> str:
        email = request.data.get("email") if isinstance(request.data, dict) else None
        text = f"{str(email).strip().lower()}\n{self.get_ident(request)}"
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    def wait(self) -> float:
        return max(1.0, math.ceil(self.remaining))
