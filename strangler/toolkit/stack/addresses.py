"""From the names of the compose network to addresses on this machine."""

import re
from collections.abc import Iterable

from strangler.toolkit.stack.compose import Service

HOST = "127.0.0.1"


class Addresses:
    """Maps `service:port` to `127.0.0.1:port_base + offset`, in any text."""

    def __init__(self, services: Iterable[Service], port_base: int) -> None:
        self.port_base = port_base
        self._native: dict[tuple[str, int], int] = {}
        for service in services:
            for name in [service.name, *service.native.aliases]:
                for port, offset in service.native.ports.items():
                    self._native[name, port] = port_base + offset
        names = sorted({name for name, _ in self._native}, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, names))}):(\d+)")

    def port(self, service: str, port: int) -> int:
        return self._native[service, port]

    def localise(self, text: str) -> str:
        """The text with every known `service:port` replaced; unknown ports of a service stay as they are."""

        def native(match: re.Match[str]) -> str:
            port = self._native.get((match[1], int(match[2])))
            return match[0] if port is None else f"{HOST}:{port}"

        return self._pattern.sub(native, text)
