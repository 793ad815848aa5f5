"""The chassis as a Django app: what every process of a host has from the start."""

import os
import threading
from typing import Any

from django.apps import AppConfig, apps

from strangler.chassis import ownership, ports
from strangler.chassis.django import HOSTS_NAME, SERVING, required
from strangler.chassis.ports import Method


class Unconnected:
    """The transport until the first remote call, which connects; before it nothing of RPC is imported."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None

    def call(self, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        return self.client().call(domain, method, arguments)

    def shadow(self, host: str, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        return self.client().shadow(host, domain, method, arguments)

    def client(self) -> Any:
        """The process's client, which takes this one's place."""
        from strangler.chassis.rpc import client

        with self._lock:
            if self._client is None:
                self._client = client.connect()
            return self._client


class ChassisConfig(AppConfig):
    """Knows who owns what, and reaches the domains of other hosts."""

    name = "strangler.chassis"

    def ready(self) -> None:
        if apps.is_installed("rest_framework"):
            from strangler.chassis import serializers

            serializers.register()
        if os.environ.get("CONSUL_URL") and os.environ.get("PROCESS") in SERVING:
            required("SERVICE", HOSTS_NAME)
        ownership.rpc_hosts(os.environ.get("RPC_HOSTS", ""))  # so that what is wrong is said now
        if os.environ.get("BROKER_URL"):
            ports.use_transport(Unconnected())
        # Processes that say what they are go on running; commands end before they would hear anything.
        if os.environ.get("PROCESS", "migrate") != "migrate":
            from strangler.chassis.ownership.hearing import hearing

            hearing.start()
