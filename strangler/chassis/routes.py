"""Where Django's admin is, which view answers, and path converters.

A path part that no row can have names no row, and the view answers as for any other.
Converters match whatever a path part may be, as the gateway does: who asks without a token for something that
cannot exist is asked for the token first, whether or not a gateway stands in front.
"""

import re
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, register_converter, reverse

BIGINT = 2**63 - 1
PART = "[^/]+"


def is_admin(request: HttpRequest) -> bool:
    """Whether it is for Django's admin, wherever the URLs have that."""
    return request.path_info.startswith(_admin(get_urlconf() or settings.ROOT_URLCONF))


@cache
def _admin(urlconf: Any) -> tuple[str, ...]:
    """What its paths begin with; nothing where there is none."""
    try:
        index = reverse("admin:index", urlconf)
    except NoReverseMatch:
        return ()
    return (f"/{index.removeprefix(get_script_prefix())}",)


def view_of(request: HttpRequest) -> Any:
    """The view that answers a request: its class where it has one, else the function; None where no route
    was found."""
    view: Any = request.resolver_match.func if request.resolver_match else None
    return getattr(view, "view_class", None) or getattr(view, "cls", view)


class IdConverter:
    """`<id:product>`: a row's id, a positive PostgreSQL bigint; 0, which no row has, for anything else."""

    regex = PART
    pattern = "^[0-9]{1,19}$"

    def to_python(self, value: str) -> int:
        number = int(value) if re.fullmatch(self.pattern, value) else 0
        return number if number <= BIGINT else 0

    def to_url(self, value: Any) -> str:
        return str(value)


class NameConverter:
    """`<name:number>`: at most 64 letters, digits, `-` and `_`; empty for anything else."""

    regex = PART
    pattern = "^[-A-Za-z0-9_]{1,64}$"

    def to_python(self, value: str) -> str:
        return value if re.fullmatch(self.pattern, value) else ""

    def to_url(self, value: Any) -> str:
        return str(value)


CONVERTERS: dict[str, type[IdConverter] | type[NameConverter]] = {"id": IdConverter, "name": NameConverter}
DESCRIPTIONS = {name: {"type": "string", "pattern": kind.pattern} for name, kind in CONVERTERS.items()}
"""How the API document describes them (drf-spectacular's `PATH_CONVERTER_OVERRIDES`)."""


def register() -> None:
    """Make `<id:…>` and `<name:…>` known to Django's URL patterns; the chassis's settings call it."""
    for name, kind in CONVERTERS.items():
        register_converter(kind, name)
