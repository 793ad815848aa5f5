"""One OpenAPI document of the whole API, whichever hosts answer its routes."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

import requests
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView

from strangler.chassis import instances

log = logging.getLogger(__name__)

INTERNAL = "/internal/schema"
"""Where a host describes its own routes to the one that describes the whole."""


class WholeDocument(SpectacularJSONAPIView):
    """The document of this host and of the `hosts` that the others' routes have moved to, as one.

    A host that does not answer is described as it was last known; one that never answered here is named in
    `info.x-missing`.
    """

    hosts: Sequence[str] = ()
    known: ClassVar[dict[str, dict[str, Any]]] = {}

    @extend_schema(exclude=True)
    def get(self, request: Any, *arguments: Any, **options: Any) -> Any:
        answer = super().get(request, *arguments, **options)  # type: ignore[no-untyped-call]
        for host in self.hosts:
            self._ask(host)
        missing = [host for host in self.hosts if host not in self.known]
        answer.data = merged(answer.data, [self.known[host] for host in self.hosts if host in self.known])
        if missing:
            answer.data["info"]["x-missing"] = missing
        return answer

    def _ask(self, host: str) -> None:
        for address in instances.addresses(host):
            try:
                found = requests.get(
                    f"http://{address}{INTERNAL}", params={"format": "json"}, timeout=(0.5, 3)
                )
                found.raise_for_status()
                self.known[host] = found.json()
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
