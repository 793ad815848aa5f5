"""Shadow reads over HTTP: GETs of a domain's own routes, asked again of this host and of the next one."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import requests
from django.http import HttpRequest, HttpResponseBase

from strangler.chassis import instances, ownership
from strangler.chassis.config import current
from strangler.chassis.forwarding.middleware import domain_of_route
from strangler.chassis.ownership import Shadowing
from strangler.chassis.shadow.comparing import Failed, Read, Unlike, comparer

HEADER = "X-Strangler-Shadow"
CARRIED = ("Accept", "Accept-Language", "Authorization", "Cookie", "Host")
TIMEOUT = (0.5, 3.0)


class Reads:
    """The middleware; while nothing is shadowed it looks into one dictionary."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if ownership.any_shadowing() and request.method == "GET" and response.status_code < 500:
            self._sample(request, response.status_code)
        return response

    def _sample(self, request: HttpRequest, given: int) -> None:
        domain = domain_of_route(request)
        how = ownership.shadowing(domain)
        if how is None or random.random() >= how.share or HEADER in request.headers:  # noqa: S311
            return
        path = request.get_full_path()
        headers = {name: request.headers[name] for name in CARRIED if name in request.headers}
        name = f"GET /{request.resolver_match.route}" if request.resolver_match else "GET"
        own = current().advertise

        def here() -> Any:
            found = _get([own], path, headers)
            if found[0] != given:  # gone by now, or the client is known by what is not carried
                raise Unlike
            return found

        comparer.offer(Read(domain, name, how, here, lambda: _peers(how, path, headers)))


def _peers(how: Shadowing, path: str, headers: dict[str, str]) -> Any:
    return _get(instances.addresses(how.peer), path, headers)


def _get(addresses: list[str], path: str, headers: dict[str, str]) -> tuple[int, Any]:
    """Status and body, as JSON where it is."""
    if not addresses or not addresses[0]:
        raise Failed("nobody passes Consul's checks there")
    url = f"http://{random.choice(addresses)}{path}"  # noqa: S311
    try:
        answer = requests.get(url, headers={**headers, HEADER: "1"}, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        raise Failed(str(error)) from error
    if answer.status_code >= 500:
        raise Failed(f"{url} answered {answer.status_code}")
    try:
        return answer.status_code, msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        return answer.status_code, answer.content
