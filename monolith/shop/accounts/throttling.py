"""How often a login may be tried, by API or in the admin: per client, and per client and e-mail address. And
how often a client may register.

The address's limit keeps a password from being guessed, the client's a password from being tried on every
address, and the client's both keep the work of hashing passwords within bounds. They are counted in the
database for all processes. One `INSERT … ON CONFLICT` counts and tells the count, so two processes never both
take the last attempt. (ATOMIC_REQUESTS, which a failed login rolls back, would take its count back too.)
"""

import hashlib
import math
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_network
from typing import Any

from django.db import connection
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from strangler.chassis.config import current
from strangler.chassis.forwarding.commits import harmless

COUNT = """
INSERT INTO accounts_loginattempts AS a (subject, window_start, attempts) VALUES (%(subject)s, %(start)s, 1)
ON CONFLICT (subject) DO UPDATE SET
    attempts = CASE WHEN a.window_start = excluded.window_start THEN a.attempts + 1 ELSE 1 END,
    window_start = excluded.window_start
RETURNING attempts
"""
FORGET = """
DELETE FROM accounts_loginattempts WHERE subject IN (
    SELECT subject FROM accounts_loginattempts WHERE window_start < %s
    ORDER BY window_start LIMIT 1000 FOR UPDATE SKIP LOCKED
)
"""
KEPT = timedelta(days=2)
"""The longest window is a day."""


class LoginThrottle(SimpleRateThrottle):
    """Fixed windows of the settings `login_rate` and `login_client_rate`, read for each request: a change
    takes effect at once."""

    scope = "login"
    remaining = 0.0

    def get_rate(self) -> str:
        return current().login_rate

    def get_ident(self, request: Request) -> str:
        """The client's address; of an IPv6 one its /64, for who has one address there has all (RFC 6177)."""
        ident = str(super().get_ident(request))
        with suppress(ValueError):
            address = IPv6Address(ident)
            return str(address.ipv4_mapped or ip_network((int(address) >> 64 << 64, 64)))
        return ident

    def allow_request(self, request: Request, view: Any) -> bool:
        email = request.data.get("email") if isinstance(request.data, dict) else None
        return self.allows(request, str(email))

    def allows(self, request: Request | HttpRequest, email: str) -> bool:
        """Count an attempt to log in with this address; whether it may be made."""
        client = self.get_ident(request)  # type: ignore[arg-type]
        return self._count(request, client, current().login_client_rate) and self._count(
            request, f"{email.strip().lower()}\n{client}", self.get_rate()
        )

    def _count(self, request: Request | HttpRequest, subject: str, rate: str) -> bool:
        allowed, duration = self.parse_rate(rate)
        if not allowed or not duration:
            return True
        now = time.time()
        start = now - now % duration
        self.remaining = start + duration - now
        parameters: dict[str, Any] = {
            "subject": hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest(),
            "start": datetime.fromtimestamp(start, UTC),
        }
        with harmless(request), connection.cursor() as cursor:
            cursor.execute(COUNT, parameters)
            (attempts,) = cursor.fetchone()
            if attempts == 1:
                cursor.execute(FORGET, [datetime.fromtimestamp(now, UTC) - KEPT])
        return bool(attempts <= allowed)

    def wait(self) -> float:
        return max(1.0, math.ceil(self.remaining))


class RegisterThrottle(LoginThrottle):
    """The same with `register_client_rate`, per client alone. Its count is another one than the logins'."""

    scope = "register"

    def get_rate(self) -> str:
        return current().register_client_rate

    def allow_request(self, request: Request, view: Any) -> bool:
        return self._count(request, f"{self.get_ident(request)}\nregister", self.get_rate())
