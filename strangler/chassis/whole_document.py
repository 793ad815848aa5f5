"""One OpenAPI document of the whole API, whichever hosts answer its routes."""

import logging
import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import requests
from django.db import transaction
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.response import Response

from strangler.chassis import instances

log = logging.getLogger(__name__)

INTERNAL = "/internal/schema"
"""Where a host describes its own routes to the one that describes the whole."""
FRESH_SECONDS = 5.0
WAIT_SECONDS = 3.5
"""As long as one address of a host may take to answer."""


@cache
def own_document() -> dict[str, Any]:
    """This host's routes. They do not change while its process runs, and describing them takes as long as
    many a request."""
    made: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return made


class Rendered(OpenApiJsonRenderer):
    """Does not render the last document again: there is one, it is large, and anybody may ask for it."""

    kept: ClassVar[dict[int, tuple[Any, bytes]]] = {}

    def render(self, data: Any, media_type: Any = None, context: Any = None) -> bytes:
        indent = self.get_indent(media_type, context or {})  # type: ignore[no-untyped-call]
        document, rendered = self.kept.get(indent, (None, b""))
        if data is not document:
            rendered = super().render(data, media_type, context)
            if "openapi" in data:  # rather than an error
                self.kept[indent] = data, rendered
        return rendered


class RenderedPlainly(Rendered):
    """For whoever accepts no other JSON."""

    media_type = "application/json"


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class OwnDocument(SpectacularJSONAPIView):
    """The document of this host alone, which needs no database."""

    renderer_classes = [Rendered, RenderedPlainly]

    @extend_schema(exclude=True)
    def get(self, request: Any, *arguments: Any, **options: Any) -> Response:
        document = self.document()
        name = f"{document['info']['title']}.json"
        return Response(document, headers={"Content-Disposition": f'inline; filename="{name}"'})

    def document(self) -> dict[str, Any]:
        return own_document()


class WholeDocument(OwnDocument):
    """The document of this host and of the `hosts` that the others' routes have moved to, as one.

    They are asked every few seconds at most, by one reader at a time; the others go by what is known, and
    wait for a moment where nothing is. A host that does not answer is described as it was last known, and
    named in `info.x-missing` where it never answered here. As long as all say the same it is the same object.
    """

    hosts: Sequence[str] = ()
    known: ClassVar[dict[str, dict[str, Any]]] = {}
    asked: ClassVar[dict[str, float]] = {}
    asking: ClassVar[dict[str, threading.Lock]] = {}
    made: ClassVar[tuple[list[Any], dict[str, Any]]] = ([], {})

    def document(self) -> dict[str, Any]:
        for host in self.hosts:
            self._refresh(host)
        parts = [self.hosts, super().document(), *(self.known.get(host) for host in self.hosts)]
        known_parts, whole = self.made
        if parts != known_parts:
            whole = self._made()
            type(self).made = parts, whole
        return whole

    def _made(self) -> dict[str, Any]:
        missing = [host for host in self.hosts if host not in self.known]
        whole = merged(super().document(), [self.known[host] for host in self.hosts if host in self.known])
        if missing:
            whole["info"] = {**whole["info"], "x-missing": missing}
        return whole

    def _refresh(self, host: str) -> None:
        lock = self.asking.setdefault(host, threading.Lock())
        if self._is_due(host) and lock.acquire(timeout=0 if host in self.known else WAIT_SECONDS):
            try:
                if self._is_due(host):
                    self._ask(host)
                    self.asked[host] = time.monotonic()
            finally:
                lock.release()

    def _is_due(self, host: str) -> bool:
        return time.monotonic() >= self.asked.get(host, float("-inf")) + FRESH_SECONDS

    def _ask(self, host: str) -> None:
        for address in instances.addresses(host):
            try:
                found = requests.get(
                    f"http://{address}{INTERNAL}", params={"format": "json"}, timeout=(0.5, 3)
                )
                found.raise_for_status()
                said = found.json()
                if said != self.known.get(host):
                    self.known[host] = said
            except (requests.RequestException, ValueError) as error:
                log.warning("%s does not describe itself: %s", host, error)
            else:
                return


def merged(document: dict[str, Any], others: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One document with the paths and components of all, paths in order."""
    paths, components = dict(document["paths"]), {k: dict(v) for k, v in document["components"].items()}
    for other in others:
        paths |= other["paths"]
        for section, entries in other.get("components", {}).items():
            components[section] = {**entries, **components.get(section, {})}
    sorted_components = {section: dict(sorted(entries.items())) for section, entries in components.items()}
    return {**document, "paths": dict(sorted(paths.items())), "components": sorted_components}
