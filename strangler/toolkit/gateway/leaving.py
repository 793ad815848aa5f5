"""Clients leave a gateway before it ends: each answer of its last moments tells them to come back on a new
connection.

A server that ends closes the connections on which nothing is under way. A request that is sent on one of them
at that very moment gets no answer, and its client cannot know whether it had an effect (RFC 9112, 9.3.1). So
nobody should be connected by then.
"""

import re
import time

import requests

from strangler.toolkit.consul import KeyValues, delete, write
from strangler.toolkit.gateway.apply import ROOT
from strangler.toolkit.gateway.middlewares import OUTERMOST

KEY = f"{ROOT}/middlewares/{OUTERMOST}/headers/customResponseHeaders/Connection"
CONNECTIONS = re.compile(r'^traefik_open_connections\{entrypoint="web",[^}]*\} (\S+)$', re.MULTILINE)
LEAVE_SECONDS = 3.0
"""Who has asked nothing for so long stays, and is closed with the rest."""
POLL_SECONDS = 0.05
TIMEOUT = 2.0


def send_away(store: KeyValues, traefik_url: str) -> None:
    """Return when nobody is connected any more, after LEAVE_SECONDS at the latest. `welcome` is to follow.

    Raises ConsulError. `traefik_url`: Traefik's internal entry point.
    """
    store.transaction([write(KEY, "close")])
    wait_until_empty(traefik_url, seconds=LEAVE_SECONDS)


def wait_until_empty(traefik_url: str, *, seconds: float) -> None:
    """Return when nobody is connected, or so many seconds later. A Traefik that is away has nobody."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and _connected(traefik_url):
        time.sleep(POLL_SECONDS)


def welcome(store: KeyValues) -> None:
    """Answers say nothing of the kind any more; raises ConsulError."""
    store.transaction([delete(KEY)])


def _connected(traefik_url: str) -> bool:
    try:
        found = CONNECTIONS.search(requests.get(f"{traefik_url}/metrics", timeout=TIMEOUT).text)
    except requests.RequestException:
        return False
    return found is not None and float(found[1]) > 0
