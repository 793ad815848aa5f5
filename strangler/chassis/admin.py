"""The admin: Django's session, login, message and CSRF middlewares for it alone, and references in its lists.

The API knows no cookies. Running all that on its requests costs time and lends it CSRF and session
semantics that it must not have.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import checks
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.functional import cached_property

from strangler.chassis.errors import ChassisError
from strangler.chassis.routes import is_admin

log = logging.getLogger(__name__)


class ReferencesAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A ModelAdmin whose `list_display` may name references: a page's targets are fetched at once (a join
    would leave out rows whose target is not in the copy here yet), and where their host does not answer their
    ids are shown. `list_display_links` and `sortable_by` may name them too, `list_editable` may not."""

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._shown(super().get_list_display(request))

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return self._shown(super().get_list_display_links(request, list_display))

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return self._shown(super().get_sortable_by(request))

    def get_changelist(self, request: HttpRequest, **options: Any) -> Any:
        return ReferencesList

    def check(self, **options: Any) -> list[checks.CheckMessage]:
        edited = [
            checks.Error(
                f"'list_editable' names the reference '{name}', whose targets may be another host's.",
                hint="Leave it out: it is changed on the page of a row.",
                obj=type(self),
                id="strangler.E002",
            )
            for name in self.list_editable
            if name in self._targets
        ]
        return [*super().check(**options), *edited]

    def _shown(self, names: Any) -> Any:
        """With what shows a reference for its name, wherever Django compares them; None for all as it is."""
        return names and [self._targets.get(name, name) for name in names]

    @cached_property
    def _targets(self) -> dict[Any, Callable[[Any], str]]:
        return {field.name: _target(field) for field in self.opts.fields if hasattr(field, "reference_to")}


def _target(field: Any) -> Callable[[Any], str]:
    """A column of what a reference points at."""

    @admin.display(description=field.verbose_name, ordering=f"{field.name}_id")
    def target(row: Any) -> str:
        return str(field.get_cached_value(row, None) or row.serializable_value(field.attname))

    target.reference = field.name  # type: ignore[attr-defined]
    return target


class ReferencesList(ChangeList):
    """A page of rows and what their references point at."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        for shown in self.list_display:
            if (name := getattr(shown, "reference", None)) is not None:
                try:
                    prefetch_related_objects(self.result_list, name)
                except ChassisError as error:
                    log.warning("the admin shows ids: %s", error)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A ModelAdmin for rows to look at, which only the domain's own code writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _AdminOnly:
    """Mixin: steps aside for every request that is not the admin's."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_admin(request):
            answer: HttpResponseBase = super().__call__(request)  # type: ignore[misc]
            return answer
        direct: HttpResponseBase = self.get_response(request)
        return direct


class AdminSession(_AdminOnly, SessionMiddleware):
    """Sessions for the admin."""

    def process_request(self, request: HttpRequest) -> None:
        # Django reads octal escapes in cookies, and PostgreSQL's error at a NUL would be a 500.
        if "\0" in request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""):
            request.COOKIES[settings.SESSION_COOKIE_NAME] = ""
        super().process_request(request)


class AdminCsrf(_AdminOnly, CsrfViewMiddleware):
    """CSRF protection for the admin."""

    def process_view(self, request: HttpRequest, *arguments: Any) -> Any:
        if is_admin(request):
            return super().process_view(request, *arguments)
        return None


class AdminLogin(_AdminOnly, AuthenticationMiddleware):
    """`request.user` from the session for the admin."""


class AdminMessages(_AdminOnly, MessageMiddleware):
    """Flash messages for the admin."""


class AdminFrames(_AdminOnly, XFrameOptionsMiddleware):
    """No framing of the admin."""
