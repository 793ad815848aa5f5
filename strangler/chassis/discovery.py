"""A process in Consul's catalogue: registered while it serves, watched by a health check.

The registration is renewed every few seconds, so that a Consul that forgot it learns of it again: by a thread
(`start`), or, in a process that forks and so must have none, by whoever calls `renew` from its loop. A web
process is an instance of one service to Traefik for itself, and of one more for each domain that it runs
(`member`): so a domain's requests can be divided between two hosts, and counted for each.
"""

import logging
import os
import threading
import time
from collections.abc import Iterable
from typing import Any

import requests

from strangler.chassis import consul

log = logging.getLogger(__name__)

CHECK_INTERVAL = "1s"
CHECK_TIMEOUT = "3s"
FAILURES = 3
"""An instance that is slow for a moment stays: without its last instance a service answers nobody."""

FORGET_AFTER = "1m"
RENEW_SECONDS = 5.0
RETRY_SECONDS = 1.0
ANSWER_SECONDS = 3.0
"""How long Consul may take for an answer: who renews, and who leaves, waits no longer."""


def member(host: str, domain: str) -> str:
    """The gateway's name for the instances of a host as far as they answer for one domain."""
    return f"{host}_{domain}"


def is_member(tags: Iterable[str], host: str, domain: str) -> bool:
    """Whether an instance of the host with these tags answers for the domain."""
    return any(tag.startswith(f"traefik.http.services.{member(host, domain)}.") for tag in tags)


class Registration:
    """One instance of a service. `address` is `host:port`, as the gateway reaches it; what is not `routed`
    is there to be seen, and the gateway sends nothing to it. `domains`: those that it runs."""

    def __init__(
        self,
        consul_url: str,
        service: str,
        address: str,
        *,
        domains: Iterable[str] = (),
        routed: bool = True,
    ) -> None:
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self.service = service
        self.id = f"{service}-{self.host}-{self.port}"
        self.agent = f"{consul_url.rstrip('/')}/v1/agent"
        self.tags = _tags(service, domains) if routed else []
        self._announced = False
        self._failing = False
        self._due = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Register now, or as soon as Consul answers, and keep it so."""
        self._thread = threading.Thread(target=self._keep, name="discovery", daemon=True)
        self._thread.start()

    def renew(self) -> None:
        """If it is time to look: register, unless Consul knows it. Waits for two answers at most."""
        if time.monotonic() < self._due:
            return
        try:
            self._register_if_missing()
            self._failing = False
        except (requests.RequestException, ValueError) as error:
            if not self._failing:
                log.warning("%s could not be registered, trying again: %s", self.id, error)
            self._failing = True
        self._due = time.monotonic() + (RETRY_SECONDS if self._failing else RENEW_SECONDS)

    def stop(self) -> None:
        """Deregister: the gateway stops sending requests here. A successor at the same address stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * ANSWER_SECONDS)
        try:
            if self._is_registered():
                self._ask("PUT", f"service/deregister/{self.id}")
        except (requests.RequestException, ValueError) as error:
            log.warning("%s could not be deregistered: %s", self.id, error)

    def _keep(self) -> None:
        while not self._stop.is_set():
            self.renew()
            self._stop.wait(max(0.0, self._due - time.monotonic()))

    def _register_if_missing(self) -> None:
        if self._is_registered():
            return
        instance = {
            "Name": self.service,
            "ID": self.id,
            "Address": self.host,
            "Port": self.port,
            "Tags": self.tags,
            "Meta": {"pid": str(os.getpid())},
            "Check": {
                "HTTP": f"http://{self.host}:{self.port}/readyz",
                "Interval": CHECK_INTERVAL,
                "Timeout": CHECK_TIMEOUT,
                "FailuresBeforeCritical": FAILURES,
                "DeregisterCriticalServiceAfter": FORGET_AFTER,
                # A new instance listens before its workers can answer: the first check finds out. One that
                # Consul has forgotten serves, and goes on.
                "Status": "passing" if self._announced else "critical",
            },
        }
        self._ask("PUT", "service/register", json=instance)
        self._announced = True
        log.info("registered %s at %s:%s", self.service, self.host, self.port)

    def _is_registered(self) -> bool:
        """As this process's own, not a successor's at the same address."""
        known = self._ask("GET", "services").json().get(self.id)
        return known is not None and known.get("Meta", {}).get("pid") == str(os.getpid())

    def _ask(self, method: str, what: str, **options: Any) -> requests.Response:
        answer = consul.ask(method, f"{self.agent}/{what}", timeout=ANSWER_SECONDS, **options)
        answer.raise_for_status()
        return answer


def _tags(service: str, domains: Iterable[str]) -> list[str]:
    """What Traefik reads: instances of the same service carry the same router, or it takes none of them."""
    names = [service, *(member(service, domain) for domain in domains)]
    router = f"traefik.http.routers.{service}"
    return [
        "traefik.enable=true",
        f"{router}.entrypoints=internal",
        f"{router}.service={service}",
        *(f"traefik.http.services.{name}.loadbalancer.passhostheader=true" for name in names),
    ]
