"""What Django knows about a host: its apps' tables, foreign keys and URLs, as JSON on standard output.

`python -m strangler.toolkit.plan.inspection <settings module>`: a process of its own, because a process can
have one set of Django settings only. It connects to no database.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from strangler.toolkit.errors import ToolkitError


class ForeignKey(msgspec.Struct, frozen=True, kw_only=True):
    """A foreign key into another app's table. `declared`: made with the chassis's `reference`."""

    field: str
    table: str
    declared: bool


class App(msgspec.Struct, frozen=True, kw_only=True):
    """A Django app: its package, its tables (those of many-to-many fields too) and where they point."""

    package: str
    tables: list[str]
    foreign_keys: list[ForeignKey]


class Url(msgspec.Struct, frozen=True, kw_only=True):
    """A path of the URLconf as a template, and the methods its view answers (None: unknown)."""

    path: str
    module: str
    methods: list[str] | None


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """A host as Django sees it."""

    apps: list[App]
    urls: list[Url]


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
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", __spec__.name, settings],
        env=PLACEHOLDERS | dict(os.environ) | {"PYTHONPATH": path, "PROCESS": "inspection"},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise InspectionFailed((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    return msgspec.json.decode(done.stdout, type=Inspection)


def inspect_here(settings: str) -> Inspection:
    """The inspection, in this process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    import django
    from django.apps import apps
    from django.urls import get_resolver

    django.setup()
    found = []
    for config in apps.get_app_configs():
        models = list(config.get_models(include_auto_created=True, include_swapped=False))
        tables = sorted({model._meta.db_table for model in models if not model._meta.proxy})
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
        found.append(App(package=config.name, tables=tables, foreign_keys=keys))
    return Inspection(apps=found, urls=list(_urls(get_resolver(), "/")))


def _relations(model: Any) -> list[Any]:
    """The model's foreign keys and many-to-many fields; references to remote rows are plain columns."""
    fields = [*model._meta.fields, *model._meta.many_to_many]
    return [field for field in fields if field.is_relation and field.related_model]


def _urls(resolver: Any, prefix: str) -> Iterator[Url]:
    from django.urls import URLResolver
    from django.urls.resolvers import RoutePattern

    for pattern in resolver.url_patterns:
        if not isinstance(pattern.pattern, RoutePattern):
            continue  # A regular expression has no template; admin and static files use them.
        path = prefix + _template(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _urls(pattern, path)
        else:
            yield Url(path=path, module=pattern.callback.__module__, methods=_methods(pattern.callback))


def _template(route: str) -> str:
    """`<id:product>` as `{product}`."""
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", route)


def _methods(callback: Any) -> list[str] | None:
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if view is None:
        return None
    names = ("get", "post", "put", "patch", "delete")
    return [name.upper() for name in names if hasattr(view, name)]


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(inspect_here(sys.argv[1])))
