"""What Django knows about a host: its apps' tables, foreign keys and URLs, as JSON on standard output.

`python -m strangler.toolkit.plan.inspection <settings module>`: a process of its own, because a process can
have one set of Django settings only. It connects to no database.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec

from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.plan.migrations import Broken, broken


class ForeignKey(msgspec.Struct, frozen=True, kw_only=True):
    """A foreign key into another app's table. `declared`: made with the chassis's `reference`."""

    field: str
    table: str
    declared: bool


class App(msgspec.Struct, frozen=True, kw_only=True):
    """A Django app: its package and label, its tables (many-to-many fields' too), where they point, and which
    is which model's. `unmanaged`: views, or tables that something else makes."""

    package: str
    label: str
    tables: list[str]
    unmanaged: list[str]
    foreign_keys: list[ForeignKey]
    generic_keys: list[str] = []
    models: dict[str, str] = {}


class Url(msgspec.Struct, frozen=True, kw_only=True):
    """A path of the URLconf as a template, and the methods its view answers (None: unknown). What is no path
    of such parts (a regular expression, `<path:…>`) stands in `path` as in the URLconf: no `template`."""

    path: str
    module: str
    methods: list[str] | None
    template: bool = True


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """A host as Django sees it. `settings`: those that change what a domain does, by name, as Python writes
    them; `middleware`: the project's own."""

    apps: list[App]
    urls: list[Url]
    settings: dict[str, str] = {}
    middleware: list[str] = []
    migrations: list[Broken] = []


COMPARED = ("USE_TZ", "TIME_ZONE", "LANGUAGE_CODE", "USE_I18N", "APPEND_SLASH", "DATA_UPLOAD_MAX_MEMORY_SIZE")
NOT_THEIRS = ("django.", "strangler.", "whitenoise.")


TIMEOUT = 60
# What a group of a regular expression may say and still be one part of a path, as `{x}` is.
PATH_PART = re.compile(
    r"\(\?P<(\w+)>(?:(?:\\[dw]|\[\^/[^\]]*\]|\[[^\]/^]+\]|[\w|-])(?:[+*?]|\{[\d,]+\})?)+\)"
)
REGULAR = re.compile(r"[\\^$.*+?()\[\]{}|]")
# `/things.json` beside `/things`: what Django REST framework adds to each route of a router.
FORMAT_SUFFIX = re.compile(r"\\\.\(\?P<format>|<drf_format_suffix")


class InspectionFailed(ToolkitError):
    """Django could not be started with these settings; the message is its last line of complaint."""


# Stand-ins for what settings commonly ask of the environment: nothing is connected to or signed here.
PLACEHOLDERS = {
    "SECRET_KEY": "inspection-only",
    "CONFIG_KEY": "aW5zcGVjdGlvbi1vbmx5LWluc3BlY3Rpb24tb25seS0=",
    "DATABASE_URL": "postgresql://inspection@127.0.0.1:1/inspection",
    "BROKER_URL": "amqp://inspection@127.0.0.1:1/",
}


def inspect_host(settings: str, *, root: Path, sources: list[str]) -> Inspection:
    """Start Django with these settings in a process of its own and ask; raises InspectionFailed."""
    own = str(Path(__file__).parents[3])
    path = os.pathsep.join([*(str(root / source) for source in sources), own])
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", __spec__.name, settings],
            env=PLACEHOLDERS | dict(os.environ) | {"PYTHONPATH": path, "PROCESS": "inspection"},
            cwd=root,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InspectionFailed(
            f"Django had not started after {TIMEOUT} s: does it wait for a server that is away?"
        ) from None
    if done.returncode:
        raise InspectionFailed((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    return msgspec.json.decode(done.stdout, type=Inspection)


def inspect_here(settings: str) -> Inspection:
    """The inspection, in this process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    import django
    from django.apps import apps
    from django.conf import settings as given
    from django.urls import get_resolver

    django.setup()
    found = []
    for config in apps.get_app_configs():
        models = list(config.get_models(include_auto_created=True, include_swapped=False))
        concrete = [model._meta for model in models if not model._meta.proxy]
        tables = sorted({meta.db_table for meta in concrete if meta.managed})
        unmanaged = sorted({meta.db_table for meta in concrete if not meta.managed})
        keys = [
            ForeignKey(
                field=f"{model.__name__}.{field.name}",
                table=field.related_model._meta.db_table,
                declared=hasattr(field, "reference_to"),
            )
            for model in models
            if not model._meta.auto_created
            for field in _relations(model)
            if field.related_model._meta.app_label != config.label
        ]
        generic = [
            f"{model.__name__}.{field.name}"
            for model in models
            for field in model._meta.private_fields
            if hasattr(field, "ct_field")
        ]
        found.append(
            App(
                package=config.name,
                label=config.label,
                tables=tables,
                unmanaged=unmanaged,
                foreign_keys=keys,
                generic_keys=generic,
                models={model.__name__: model._meta.db_table for model in models},
            )
        )
    atomic = given.DATABASES.get("default", {}).get("ATOMIC_REQUESTS", False)
    return Inspection(
        apps=found,
        urls=list(_urls(get_resolver(), "/")),
        settings={"ATOMIC_REQUESTS": repr(atomic)} | {name: repr(getattr(given, name)) for name in COMPARED},
        middleware=[name for name in given.MIDDLEWARE if not name.startswith(NOT_THEIRS)],
        migrations=broken(),
    )


def _relations(model: Any) -> list[Any]:
    """The model's foreign keys and many-to-many fields; references to remote rows are plain columns."""
    fields = [*model._meta.fields, *model._meta.many_to_many]
    return [field for field in fields if field.is_relation and field.related_model]


def _urls(resolver: Any, prefix: str, *, template: bool = True) -> Iterator[Url]:
    from django.urls import URLResolver

    for pattern in resolver.url_patterns:
        if FORMAT_SUFFIX.search(str(pattern.pattern)):
            continue  # The same view once more.
        part = _template(pattern.pattern)
        path, known = prefix + (str(pattern.pattern) if part is None else part), template and part is not None
        if isinstance(pattern, URLResolver):
            yield from _urls(pattern, path, template=known)
        else:
            view = pattern.callback
            yield Url(path=path, module=view.__module__, methods=_methods(view), template=known)


def _template(pattern: Any) -> str | None:
    """`<id:product>` as `{product}`, and `(?P<product>\\d+)` too; None: it is no path of such parts."""
    from django.urls.resolvers import RegexPattern

    if not isinstance(pattern, RegexPattern):
        return None if "<path:" in str(pattern) else re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", str(pattern))
    route = PATH_PART.sub(r"{\1}", str(pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z"))
    plain = re.sub(r"\\([./-])", r"\1", route)
    return None if REGULAR.search(re.sub(r"\\[./-]|\{\w+\}", "", route)) else plain


def _methods(callback: Any) -> list[str] | None:
    """A view set's routes say which method is which action; any other view has a function a method."""
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if view is None:
        return None
    answered = getattr(callback, "actions", None) or dir(view)
    names = ("get", "post", "put", "patch", "delete")
    return [name.upper() for name in names if name in answered and name in view.http_method_names]


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):  # Settings may print.
        found = inspect_here(sys.argv[1])
    sys.stdout.buffer.write(msgspec.json.encode(found))
