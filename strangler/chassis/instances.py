"""Where the web processes of another host are, as Consul's health endpoint knows them."""

import logging
import time

import requests

from strangler.chassis import consul
from strangler.chassis.config import current

log = logging.getLogger(__name__)

FRESH_SECONDS = 0.5
TIMEOUT = (0.5, 1.0)

_known: dict[str, tuple[float, list[str]]] = {}


def addresses(host: str) -> list[str]:
    """`host:port` of each that passes its check; those known last while Consul does not answer."""
    asked_at, found = _known.get(host, (0.0, []))
    url = current().consul_url
    if not url or time.monotonic() < asked_at + FRESH_SECONDS:
        return found
    try:
        answer = consul.ask("GET", f"{url}/v1/health/service/{host}?passing", timeout=TIMEOUT)
        answer.raise_for_status()
        found = [f"{entry['Service']['Address']}:{entry['Service']['Port']}" for entry in answer.json()]
    except (requests.RequestException, ValueError) as error:
        log.warning("Consul does not say where %s is; last known: %s (%s)", host, found, error)
    # An empty answer is asked for again at once: who waits for the host waits for this.
    _known[host] = (time.monotonic() if found else 0.0, found)
    return found
