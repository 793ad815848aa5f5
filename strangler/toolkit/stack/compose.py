"""The part of docker-compose.yml that the native runner understands.

Follows the Compose specification for interpolation, profiles, extension fields and short volume and
port syntax, as far as this project's file uses them; anything else is left to Docker.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from strangler.toolkit.stack.errors import ComposeError

VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<operator>:?[-?])(?P<value>[^}]*))?\}|(?P<plain>\w+))")


class Native(msgspec.Struct, forbid_unknown_fields=True):
    """`x-native`: what only the native runner needs.

    `ports`: container port → offset from PORT_BASE. `spare`: the same for a second instance that stands in
    while the first is restarted. `listen`: name → offset of listening sockets that
    this service shares with others; `holds`: nobody gets a new connection there until it is ready, for it
    accepts before. `aliases`: more host names. `ready`: a URL that answers 2xx when the
    service is ready, instead of the health check's. `profiles`: those that start it
    natively, where they differ.
    """

    ports: dict[int, int] = {}
    spare: dict[int, int] = {}
    listen: dict[str, int] = {}
    holds: bool = False
    aliases: list[str] = []
    ready: str = ""
    profiles: list[str] = []


class Service(msgspec.Struct):
    """One service, everything in it interpolated and in its long form."""

    name: str
    image: str
    built: bool
    profiles: list[str]
    command: list[str]
    environment: dict[str, str]
    mounts: dict[str, str]
    depends_on: dict[str, str]
    once: bool
    ready_url: str
    stop_seconds: float
    native: Native

    def in_stage(self, stage: int) -> bool:
        return f"stage-{stage}" in (self.native.profiles or self.profiles)


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Replace ${NAME}, ${NAME:-default} and ${NAME:?message} as Compose does."""

    def value(match: re.Match[str]) -> str:
        name = match["name"] or match["plain"]
        if name is None:
            return "$"
        operator, found = match["operator"] or "", variables.get(name)
        missing = found is None or (operator.startswith(":") and found == "")
        if missing and operator.endswith("?"):
            raise ComposeError(f"docker-compose.yml needs {name}: set it in .env or in the environment.")
        if missing:
            return interpolate(match["value"], variables) if operator.endswith("-") else ""
        return found or ""

    return VARIABLE.sub(value, text)


def read_env(path: Path) -> dict[str, str]:
    """The variables of an .env file; missing file, no variables."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def load(path: Path, variables: Mapping[str, str]) -> dict[str, Service]:
    """Every service of the file by name, whatever its profile."""
    services = _interpolated(_services(path), variables)
    return {name: _service(name, raw) for name, raw in services.items()}


def named(path: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables that the file names."""
    found = VARIABLE.finditer(msgspec.json.encode(_services(path)).decode())
    names = {match["name"] or match["plain"] for match in found}
    return {name: value for name, value in variables.items() if name in names}


def stages(path: Path) -> list[int]:
    """The stages that a service of the file is of, by its profiles: `stage-0`, `stage-1`, …"""
    profiles = {str(profile) for raw in _services(path).values() for profile in raw.get("profiles", [])}
    numbers = {profile.removeprefix("stage-") for profile in profiles if profile.startswith("stage-")}
    return sorted(int(number) for number in numbers if number.isdecimal())


def _services(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = yaml.safe_load(path.read_text())["services"]
    except (OSError, yaml.YAMLError) as error:
        raise ComposeError(f"{path}: {error}") from error
    return found


def _interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return interpolate(value, variables)
    if isinstance(value, list):
        return [_interpolated(item, variables) for item in value]
    if isinstance(value, dict):
        return {key: _interpolated(item, variables) for key, item in value.items()}
    return value


def _service(name: str, raw: dict[str, Any]) -> Service:
    test = raw.get("healthcheck", {}).get("test", [])
    url = test[-1] if test and test[-1].startswith("http") else ""
    native = msgspec.convert(raw.get("x-native", {}), Native, strict=False)
    networks = raw.get("networks", {})
    aliases = networks.get("default", {}).get("aliases", []) if isinstance(networks, dict) else []
    native.aliases = [*native.aliases, *aliases]
    return Service(
        name=name,
        image=raw["image"],
        built="build" in raw,
        profiles=raw.get("profiles", []),
        command=[str(part) for part in raw.get("command", [])],
        environment={key: str(value) for key, value in raw.get("environment", {}).items()},
        mounts=dict(reversed(volume.split(":")[:2]) for volume in raw.get("volumes", [])),
        depends_on={key: value["condition"] for key, value in raw.get("depends_on", {}).items()},
        once=raw.get("restart") == "no",
        ready_url=native.ready or url,
        stop_seconds=float(raw.get("stop_grace_period", "10s").rstrip("s")),
        native=native,
    )
