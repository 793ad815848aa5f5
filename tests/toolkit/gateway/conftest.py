"""A real gateway: Traefik and Consul as a stack runs them, in front of small hosts that say who they are."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from strangler.toolkit.consul import KeyValues
from strangler.toolkit.gateway.apply import apply, desired, settings_of
from strangler.toolkit.gateway.routing import LIVE_SECONDS, route
from strangler.toolkit.plan import Plan, load
from strangler.toolkit.stack import Stack
from tests.ports import free_base
from tests.toolkit.gateway.host import Host

ROOT = Path(__file__).resolve().parents[3]
PARTS = ["consul", "pages", "traefik"]


class Gateway:
    """The stack of the gateway's own services, and the plan of the shop."""

    def __init__(self, directory: Path, *, trusted: str = "") -> None:
        """`trusted`: the address of a proxy in front."""
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        services = {name: {**compose["services"][name], "profiles": ["stage-1"]} for name in PARTS}
        for service in services.values():
            service.pop("depends_on", None)
        services["traefik"]["x-native"]["ready"] = "http://traefik:8081/ping"
        # Their ports are Traefik's to know; nobody listens.
        services["traces"] = {**compose["services"]["traces"], "profiles": []}
        for name in ("strangler", ".env", ".venv"):
            (directory / name).symlink_to(ROOT / name)
        if trusted:
            static = (ROOT / "strangler" / "gateway" / "traefik.yml").read_text()
            believing = static.replace("trustedIPs: []", f"trustedIPs: [{trusted}]")
            assert believing != static
            (directory / "traefik.yml").write_text(believing)
            volumes = services["traefik"]["volumes"]
            volumes[0] = volumes[0].replace("./strangler/gateway/", "./")
        (directory / "docker-compose.yml").write_text(yaml.safe_dump({"services": services}))
        self.stack = Stack(directory, directory / "run", free_base())
        self.plan: Plan = load(ROOT / "migrations-plan" / "plan.yaml")

    def start(self) -> None:
        self.stack.up(1)
        self.store = KeyValues(f"http://{self.stack.address('consul', 8500)}")
        self.internal = f"http://{self.stack.address('traefik', 8081)}"
        self.url, self.pages = self.stack.url, f"http://{self.stack.address('pages', 8046)}"

    def write(self, stage: int) -> None:
        """The stage's routes, as the stack writes them at its start, once all hosts are there."""
        wanted = desired(
            self.plan,
            settings_of(self.store),
            stage=stage,
            auth_url=f"{self.internal}/internal/auth",
            pages_url=self.pages,
        )
        apply(self.store, wanted)
        self.route(stage)

    def route(self, stage: int, *, domain: str = "", seconds: float = LIVE_SECONDS) -> None:
        url = self.internal
        route(self.store, self.plan, stage=stage, domain=domain, traefik_url=url, seconds=seconds)

    def services(self) -> dict[str, object]:
        """Those that Traefik knows, with what it knows of them."""
        found: dict[str, object] = requests.get(f"{self.internal}/api/rawdata", timeout=5).json()["services"]
        return found

    def host(self, name: str, *domains: str) -> Host:
        return Host(self.store.url, name, domains)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running() as gateway:
        yield gateway


@pytest.fixture(scope="module")
def behind_a_proxy() -> Iterator[Gateway]:
    """A gateway that believes a proxy on this machine."""
    with running(trusted="127.0.0.1") as gateway:
        yield gateway


@contextmanager
def running(*, trusted: str = "") -> Iterator[Gateway]:
    """One of a test module's own."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as directory:
        Path(directory).chmod(0o755)
        gateway = Gateway(Path(directory), trusted=trusted)
        try:
            gateway.start()
            yield gateway
        finally:
            gateway.stack.down(purge=True)
