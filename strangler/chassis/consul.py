"""Consul as hosts and the toolkit ask it: with the token that its access control lists (ACLs) may want.

The token comes from the environment, where Consul's own commands have it from, and goes along in a header, to
Consul alone: no redirect is followed, and no message has it.
"""

import os
from typing import Any

import requests

VARIABLE = "CONSUL_HTTP_TOKEN"
WANTED = f"Its ACLs want a token that may do this: set {VARIABLE}, whose policy strangler/GUIDE.md has."
Timeout = float | tuple[float, float]


class Refused(requests.RequestException):
    """Consul's ACLs do not let this process do what it asked for."""


def ask(method: str, url: str, *, timeout: Timeout, **options: Any) -> requests.Response:
    """Consul's answer, whatever its status; raises Refused for 403, and else requests' errors."""
    options |= {"headers": _headers(), "allow_redirects": False}
    answer = requests.request(method, url, timeout=timeout, **options)
    if answer.is_redirect:
        raise requests.TooManyRedirects(f"{url} leads elsewhere: that is not Consul's own address")
    if answer.status_code == 403:
        raise Refused(f"Consul refuses {method} {url}: {answer.text.strip()[:200]}. {WANTED}")
    return answer


def folder(url: str, path: str, *, timeout: Timeout, **query: str) -> requests.Response:
    """The answer about all keys that begin with a path: 404 if there are none. Consul leaves out those that a
    token may not read, as if they were not there; only of a single key it says so, and that is asked then."""
    place = f"{url}/v1/kv/{path}"
    answer = ask("GET", place, params={"recurse": "1", **query}, timeout=timeout)
    if answer.status_code == 404:
        ask("GET", place, timeout=timeout)
    return answer


def _headers() -> dict[str, str]:
    token = os.environ.get(VARIABLE, "").strip()
    if not (token.isascii() and token.isprintable()):
        raise requests.exceptions.InvalidHeader(f"{VARIABLE} has characters that no token of Consul's has")
    return {"X-Consul-Token": token} if token else {}
