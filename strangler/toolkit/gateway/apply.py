"""Writing the gateway's configuration to Consul, and seeing that Traefik has taken it over."""

import time
from itertools import groupby
from typing import Any

import requests

from strangler.chassis.config import PREFIX, ConfigError, GatewaySettings, check
from strangler.toolkit.consul import LARGEST_TRANSACTION, KeyValues, delete, write
from strangler.toolkit.gateway.middlewares import middlewares
from strangler.toolkit.gateway.routes import routers, services
from strangler.toolkit.plan import Plan

ROOT = "traefik/http"


def settings_of(store: KeyValues) -> GatewaySettings:
    """The gateway's settings: defaults, environment, then Consul."""
    stored = store.folder(f"{PREFIX}/gateway/")
    values = {key.rsplit("/", 1)[-1]: value for key, value in stored.items()}
    for name, value in values.items():
        check("gateway", name, value)
    return GatewaySettings(**values)  # type: ignore[arg-type]


def desired(
    plan: Plan, settings: GatewaySettings, *, stage: int, auth_url: str, pages_url: str
) -> dict[str, str]:
    """Every key below `traefik/http` and its value."""
    parts = {
        "middlewares": middlewares(settings, auth_url=auth_url),
        "services": services(pages_url),
        "routers": routers(plan, stage=stage),
    }
    return {
        f"{ROOT}/{part}/{name}/{option}": value
        for part, entries in parts.items()
        for name, options in entries.items()
        for option, value in options.items()
    }


def apply(store: KeyValues, wanted: dict[str, str]) -> int:
    """Bring Consul to what is wanted; the number of keys that changed.

    What routers need is written before them, what nobody needs any more is deleted after them. Routers
    change together, in one transaction as long as Consul's limit allows, and never one by halves.
    """
    present = store.folder(f"{ROOT}/")
    changed = {key: value for key, value in wanted.items() if present.get(key) != value}
    gone = [key for key in present if key not in wanted]
    _commit(store, [write(key, value) for key, value in changed.items() if not _is_route(key)])
    routes = [write(key, value) for key, value in changed.items() if _is_route(key)]
    _commit(store, [*routes, *(delete(key) for key in gone if _is_route(key))])
    _commit(store, [delete(key) for key in gone if not _is_route(key)])
    return len(changed) + len(gone)


def _is_route(key: str) -> bool:
    return key.startswith(f"{ROOT}/routers/")


def _commit(store: KeyValues, operations: list[dict[str, Any]]) -> None:
    """As few transactions as fit, each of whole entries (routers, middlewares, services)."""
    batch: list[dict[str, Any]] = []
    by_entry = groupby(sorted(operations, key=lambda o: str(o["Key"])), key=lambda o: o["Key"].split("/")[3])
    for _, entry in by_entry:
        parts = list(entry)
        if len(batch) + len(parts) > LARGEST_TRANSACTION:
            store.transaction(batch)
            batch = []
        batch += parts
    if batch:
        store.transaction(batch)


def wait_until_routed(url: str, *, router: str, seconds: float = 10.0) -> None:
    """Wait until Traefik's own interface at `url` shows the router enabled; raises ConfigError if not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            answer = requests.get(f"{url}/api/http/routers/{router}@consul", timeout=2)
            if answer.ok and answer.json().get("status") == "enabled":
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise ConfigError(f"Traefik at {url} did not take over the router {router} within {seconds:.0f} s.")
