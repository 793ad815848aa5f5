"""docker-compose.yml in containers, beside whatever else runs on this machine."""

import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ENVIRONMENT
from tests.ports import wait_for

ROOT = Path(__file__).resolve().parents[2]
OLDEST_COMPOSE = (2, 24)
DOWN = ("--profile", "*", "down")
"""Without the profile, what another STAGE has goes on."""
BUILD_SECONDS, UP_SECONDS, COMMAND_SECONDS = 900, 240, 120


def why_not() -> str:
    """Why nothing can be run in containers here; empty if it can."""
    try:
        for command in (["docker", "info"], ["docker", "compose", "version", "--short"]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except FileNotFoundError:
        return "no Docker here: there is no `docker` on the PATH"
    except (subprocess.SubprocessError, OSError) as error:
        return f"no Docker engine answers: {getattr(error, 'stderr', '') or error}".strip()
    version = tuple(int(part) for part in done.stdout.strip().lstrip("v").split("-")[0].split(".")[:2])
    return "" if version >= OLDEST_COMPOSE else f"Docker Compose {done.stdout.strip()} is older than 2.24"


class Containers:
    """One stage in containers, with ports, images, networks and volumes of its own."""

    def __init__(self, stage: int, directory: Path, root: Path = ROOT) -> None:
        self.stage, self.root = stage, root
        self.project = f"strangler-test-{sha256(str(ROOT).encode()).hexdigest()[:8]}"
        self.override = directory / "override.yml"
        self.override.write_text(self._override())
        # What the tests set for Django in this process must not reach the file; .env has what it needs.
        self.environment = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
        # Jaeger is left to those who look: the tests read the receiver that the native runner has too.
        profiles = [f"stage-{stage}", *(["traces"] if stage else [])]
        self.environment |= {"STAGE": str(stage), "COMPOSE_PROFILES": ",".join(profiles)}

    def up(self) -> None:
        """Build what has changed, start the stage, return when all of it is healthy."""
        self.down()
        self.compose("build", "--quiet", seconds=BUILD_SECONDS)
        self.compose("up", "--detach", "--wait", "--wait-timeout", str(UP_SECONDS), seconds=UP_SECONDS + 60)

    def down(self) -> None:
        self.compose(*DOWN, "--volumes", "--remove-orphans", "--timeout", "20")

    def compose(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> str:
        """What `docker compose` prints; an error has its complaint and the services' last words."""
        files = ["-f", str(self.root / "docker-compose.yml"), "-f", str(self.override)]
        command = ["docker", "compose", "-p", self.project, "--project-directory", str(self.root), *files]
        done = subprocess.run(
            [*command, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            logs = subprocess.run(
                [*command, "logs", "--tail", "20"],
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
            raise AssertionError(f"docker compose {' '.join(arguments)}:\n{done.stderr}\n{logs.stdout}")
        return done.stdout

    def inside(self, service: str, *command: str) -> str:
        """What a command prints in a service's container."""
        return self.compose("exec", "-T", service, *command).strip()

    def all(self) -> dict[str, dict[str, Any]]:
        """Every container of the stage as `docker compose ps` describes it, those that ended too."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {row["Service"]: row for row in map(json.loads, lines)}

    def url(self, service: str, port: int) -> str:
        """Where a service's published port is on loopback."""
        return "http://" + self.compose("port", service, str(port)).strip()

    def wait_healthy(self, service: str, *, seconds: float = 60) -> None:
        wait_for(lambda: self.all()[service]["Health"] == "healthy", seconds=seconds)

    def _override(self) -> str:
        """Published ports become any free ones of loopback, images get names of their own, and builds reach
        packages as this machine does."""
        services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        lines = ["services:"]
        for name, service in services.items():
            lines.append(f"  {name}:")
            own = [f"127.0.0.1::{published.rsplit(':', 1)[1]}" for published in service.get("ports", [])]
            lines.append(f"    ports: !override {json.dumps(own)}")
            if "build" in service:
                image = f"{self.project}/{service['build']['args']['SERVICE']}"
                lines.append(f"    image: {image}")
                lines.append("    build: { network: host }")
        return "\n".join(lines) + "\n"
