"""How each host does with a domain's requests, as Traefik counts them: the two arms of a canary."""

import re
from collections.abc import Collection, Iterator

import msgspec
import requests

from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.gateway.routes import READS

SAMPLE = re.compile(r"^traefik_service_(\w+)\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
INFINITY = float("inf")


class MetricsUnreadable(ToolkitError):
    """Traefik does not tell its metrics."""


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """A host's answers for one domain since Traefik counts. `errors`: those with a status of 500 and more.
    `buckets`: how many took at most so many seconds, cumulative, the last of them infinite."""

    requests: int = 0
    errors: int = 0
    buckets: dict[float, int] = {}

    def since(self, earlier: "Arm") -> "Arm":
        """What came after an earlier look. A host that Traefik had lost in between counts from zero."""
        if earlier.requests > self.requests:
            return self
        return Arm(
            requests=self.requests - earlier.requests,
            errors=max(0, self.errors - earlier.errors),
            buckets={le: n - earlier.buckets.get(le, 0) for le, n in self.buckets.items()},
        )

    def quantile(self, share: float) -> float:
        """The time in seconds within which this share of the answers came, interpolated in its bucket;
        infinite beyond the last bound, zero without any answers."""
        total = self.buckets.get(INFINITY, 0)
        below, lower = 0, 0.0
        for bound, count in sorted(self.buckets.items()):
            if total and count >= share * total and count > below:
                if bound == INFINITY:
                    return INFINITY
                return lower + (bound - lower) * (share * total - below) / (count - below)
            below, lower = count, bound
        return 0.0


def arms(traefik_url: str, domain: str, *, methods: Collection[str] = READS) -> dict[str, Arm]:
    """Host → what it answered for the domain. `traefik_url`: Traefik's internal entry point. Only `methods`
    count, the reads unless told otherwise: they are what two hosts answer at a time.

    Counters begin with a split, and go on; take one look from another (`Arm.since`).
    """
    try:
        answer = requests.get(f"{traefik_url}/metrics", timeout=5)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise MetricsUnreadable(
            f"Traefik at {traefik_url} does not tell its metrics: {error}. Is it running, and is TRAEFIK_URL "
            "the address of its internal entry point?"
        ) from error
    return read(answer.text, domain, methods=methods)


def read(text: str, domain: str, *, methods: Collection[str] = READS) -> dict[str, Arm]:
    """The arms of a domain in Prometheus's text format."""
    counts: dict[str, dict[str, int]] = {}
    buckets: dict[str, dict[float, int]] = {}
    for host, name, labels, value in _samples(text, domain, methods):
        count = counts.setdefault(host, {"requests": 0, "errors": 0})
        if name == "requests_total":
            count["requests"] += value
            count["errors"] += value if labels["code"] >= "500" else 0
        elif name == "request_duration_seconds_bucket":
            bound = float(labels["le"])
            bucket = buckets.setdefault(host, {})
            bucket[bound] = bucket.get(bound, 0) + value
    return {host: Arm(**count, buckets=buckets.get(host, {})) for host, count in sorted(counts.items())}


def _samples(
    text: str, domain: str, methods: Collection[str]
) -> Iterator[tuple[str, str, dict[str, str], int]]:
    ending = f"_{domain}@consulcatalog"
    for name, inside, value in SAMPLE.findall(text):
        labels = dict(LABEL.findall(inside))
        if labels.get("service", "").endswith(ending) and labels.get("method") in methods:
            yield labels["service"].removesuffix(ending), name, labels, int(float(value))
