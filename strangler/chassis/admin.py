"""Django's session, login, message and CSRF middlewares for the admin alone.

The API knows no cookies. Running these four on its requests costs time and lends it CSRF and session
semantics that it must not have.
"""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware

from strangler.chassis.routes import ADMIN


class _AdminOnly:
    """Mixin: steps aside for every request that is not the admin's."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(ADMIN):
            answer: HttpResponseBase = super().__call__(request)  # type: ignore[misc]
            return answer
        direct: HttpResponseBase = self.get_response(request)
        return direct


class AdminSession(_AdminOnly, SessionMiddleware):
    """Sessions for the admin."""


class AdminCsrf(_AdminOnly, CsrfViewMiddleware):
    """CSRF protection for the admin."""

    def process_view(self, request: HttpRequest, *arguments: Any) -> Any:
        if request.path_info.startswith(ADMIN):
            return super().process_view(request, *arguments)
        return None


class AdminLogin(_AdminOnly, AuthenticationMiddleware):
    """`request.user` from the session for the admin."""


class AdminMessages(_AdminOnly, MessageMiddleware):
    """Flash messages for the admin."""


class AdminFrames(_AdminOnly, XFrameOptionsMiddleware):
    """No framing of the admin."""
