"""Restarting a service without a moment in which nobody serves.

A second instance on the service's spare ports comes first, with the new environment. When it is ready, and
the gateway knows it, the old one drains; then the service starts at its own ports again, and the second one
drains. (Rolling update: "Site Reliability Engineering", ch. 8.)
"""

from typing import Any

import msgspec
import requests

from strangler.chassis import consul
from strangler.toolkit.stack.addresses import Addresses
from strangler.toolkit.stack.compose import Service
from strangler.toolkit.stack.program import Layout, Program, built
from strangler.toolkit.stack.readiness import is_ready
from strangler.toolkit.stack.starting import Watcher, run_until_ready
from strangler.toolkit.stack.supervision import Supervisor

TIMEOUT = 2.0
ENDING = "-spare"


def can_roll(service: Service | None) -> bool:
    """Whether a second instance of the service has ports to run on."""
    return service is not None and bool(service.native.spare)


def spare(service: Service, everything: list[Service], layout: Layout, port_base: int) -> Program:
    """The service's second instance: the same, on its spare ports."""
    moved = msgspec.structs.replace(
        service, native=msgspec.structs.replace(service.native, ports=service.native.spare)
    )
    others = [other for other in everything if other.name != service.name]
    program = built(moved, layout, Addresses([*others, moved], port_base))
    return msgspec.structs.replace(program, name=service.name + ENDING)


class Roller:
    """Restarts programs that supervisord knows in their new form already."""

    def __init__(self, supervisor: Supervisor, *, traefik: str, watch: Watcher) -> None:
        self.supervisor, self.traefik, self.watch = supervisor, traefik, watch

    def roll(self, program: Program, second: Program) -> None:
        """Restart `program` while `second` stands in for it. If the second one does not get ready, the first
        one runs on as it was; if the first one does not come back, the second one stays. Either raises
        ServiceFailed."""
        try:
            self._start(second)
        except BaseException:
            self.supervisor.remove(second.name)
            raise
        self._stop(program)
        self.supervisor.add(program.name)
        self._start(program)
        self._stop(second)

    def _stop(self, program: Program) -> None:
        self.watch(program.name, "draining")
        self.supervisor.remove(program.name)
        self.watch(program.name, "stopped")

    def _start(self, program: Program) -> None:
        self.watch(program.name, "starting")
        run_until_ready(self.supervisor, program, lambda: is_ready(program.ready) and self._is_known(program))
        self.watch(program.name, "ready")

    def _is_known(self, program: Program) -> bool:
        """Whether those who look for the service find this instance: in the catalogue, and where it is one of
        the gateway's, in what the gateway goes by."""
        url, address = (program.environment.get(name, "") for name in ("CONSUL_URL", "ADVERTISE"))
        if not url or not address:
            return True
        try:
            entry = self._registered(url, address)
            if entry is None or "traefik.enable=true" not in entry["Tags"] or not self.traefik:
                return entry is not None
            running = requests.get(f"{self.traefik}/api/rawdata", timeout=TIMEOUT)
            return running.ok and f'"http://{address}"' in running.text
        except (requests.RequestException, ValueError):
            return False

    def _registered(self, url: str, address: str) -> dict[str, Any] | None:
        answer = consul.ask("GET", f"{url}/v1/agent/services", timeout=TIMEOUT)
        found: dict[str, dict[str, Any]] = answer.json()
        return next((e for e in found.values() if f"{e['Address']}:{e['Port']}" == address), None)
