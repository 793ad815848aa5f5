"""A process in Consul's catalogue: registered while it serves, watched by a health check.

The registration is renewed every few seconds, so that a Consul that forgot it learns of it again. All
instances of a service carry identical tags, which Traefik requires.
"""

import logging
import os
import threading

import consul
import requests

log = logging.getLogger(__name__)

CHECK_INTERVAL = "1s"
CHECK_TIMEOUT = "3s"
FORGET_AFTER = "1m"
RENEW_SECONDS = 5.0


class Registration:
    """One instance of a service. `address` is `host:port`, as the gateway reaches it; what is not `routed`
    is there to be seen, and the gateway sends nothing to it."""

    def __init__(self, consul_url: str, service: str, address: str, *, routed: bool = True) -> None:
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self.service = service
        self.id = f"{service}-{self.host}-{self.port}"
        host, _, consul_port = consul_url.removeprefix("http://").rstrip("/").partition(":")
        self.agent = consul.Consul(host=host, port=int(consul_port or 8500))
        router = [f"traefik.http.routers.{service}.entrypoints=internal"]
        self.tags = ["traefik.enable=true", *router] if routed else []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="discovery", daemon=True)

    def start(self) -> None:
        """Register now, or as soon as Consul answers, and keep it so."""
        self._thread.start()

    def stop(self) -> None:
        """Deregister: the gateway stops sending requests here."""
        self._stop.set()
        self._thread.join(timeout=5)
        try:
            self.agent.agent.service.deregister(self.id)
        except (consul.ConsulException, requests.RequestException, OSError) as error:
            log.warning("%s could not be deregistered: %s", self.id, error)

    def _keep(self) -> None:
        failing = False
        while not self._stop.is_set():
            try:
                self._register_if_missing()
                failing = False
            except (consul.ConsulException, requests.RequestException, OSError) as error:
                if not failing:
                    log.warning("%s could not be registered, trying again: %s", self.id, error)
                failing = True
            self._stop.wait(1.0 if failing else RENEW_SECONDS)

    def _register_if_missing(self) -> None:
        known = self.agent.agent.services().get(self.id)
        if known and known.get("Meta", {}).get("pid") == str(os.getpid()):
            return
        self.agent.agent.service.register(
            self.service,
            service_id=self.id,
            address=self.host,
            port=self.port,
            tags=self.tags,
            meta={"pid": str(os.getpid())},
            check={
                "HTTP": f"http://{self.host}:{self.port}/readyz",
                "Interval": CHECK_INTERVAL,
                "Timeout": CHECK_TIMEOUT,
                "DeregisterCriticalServiceAfter": FORGET_AFTER,
                "Status": "passing",
            },
        )
        log.info("registered %s at %s:%s", self.service, self.host, self.port)
