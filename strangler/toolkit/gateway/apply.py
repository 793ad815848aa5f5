"""Writing the gateway's configuration to Consul."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import msgspec
from pydantic import ValidationError

from strangler.chassis.config import PREFIX, ConfigError, GatewaySettings, check
from strangler.toolkit.consul import LARGEST_TRANSACTION, KeyValues, delete, write
from strangler.toolkit.gateway.middlewares import AUTH_ADDRESS, middlewares
from strangler.toolkit.gateway.routes import routers, services
from strangler.toolkit.gateway.splits import Split
from strangler.toolkit.plan import Plan

ROOT = "traefik/http"
BEGUN = "gateway/begun-with"


def begin(store: KeyValues) -> None:
    """Write down what this process's environment says of the gateway; what it does not say stays. Whoever
    changes its routes or settings later goes by that: their own environment is another one. Raises
    ConfigError."""
    try:
        said = GatewaySettings().model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"GATEWAY_{str(first['loc'][0]).upper()}"
        raise ConfigError(f"{name} is {first['input']!r}: {first['msg']}.") from error
    settings = GatewaySettings(**_begun(store) | said)
    store.transaction([write(BEGUN, settings.model_dump_json())])


def settings_of(store: KeyValues) -> GatewaySettings:
    """The gateway's settings: defaults, the environment that it was begun with, then Consul."""
    stored = store.folder(f"{PREFIX}/gateway/")
    values = {key.rsplit("/", 1)[-1]: value for key, value in stored.items()}
    for name, value in values.items():
        check("gateway", name, value)
    return GatewaySettings(**_begun(store) | values)


def _begun(store: KeyValues) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(store.folder(BEGUN).get(BEGUN, "{}"))
    return found


def desired(
    plan: Plan,
    settings: GatewaySettings,
    *,
    stage: int,
    auth_url: str,
    pages_url: str,
    splits: Mapping[str, Split] = {},
) -> dict[str, str]:
    """Every key below `traefik/http` and its value."""
    parts = {
        "middlewares": middlewares(settings, auth_url=auth_url),
        "services": services(pages_url, splits=splits),
        "routers": routers(plan, stage=stage, splits=splits),
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
    change together, in one transaction as long as Consul's limit allows, and nothing by halves.
    """
    present = store.folder(f"{ROOT}/")
    changed = [write(key, value) for key, value in wanted.items() if present.get(key) != value]
    gone = [delete(key) for key in present if key not in wanted]
    kept = {_entry(key) for key in wanted}
    routes = [o for o in [*changed, *gone] if _is_route(o["Key"])]
    needed = [o for o in changed if not _is_route(o["Key"])]
    needed += [o for o in gone if not _is_route(o["Key"]) and _entry(o["Key"]) in kept]
    _commit(store, needed)
    _commit(store, routes)
    _commit(store, [o for o in gone if not _is_route(o["Key"]) and _entry(o["Key"]) not in kept])
    return len(changed) + len(gone)


def _entry(key: str) -> str:
    """The part and name of what a key belongs to, as in `routers/any-read`."""
    return "/".join(key.removeprefix(f"{ROOT}/").split("/")[:2])


def retune(store: KeyValues) -> int:
    """Bring the middlewares that are in Consul to the gateway's settings, and change nothing else; the
    number of keys. Where no gateway's configuration is in Consul yet, there is nothing to change."""
    present = store.folder(f"{ROOT}/middlewares/")
    wanted = {
        f"{ROOT}/middlewares/{name}/{option}": value
        for name, options in middlewares(settings_of(store), auth_url="").items()
        for option, value in options.items()
        if option != AUTH_ADDRESS
    }
    operations = [write(k, value) for k, value in wanted.items() if present.get(k, value) != value]
    _commit(store, operations)
    return len(operations)


def _is_route(key: str) -> bool:
    return key.startswith(f"{ROOT}/routers/")


def _commit(store: KeyValues, operations: list[dict[str, Any]]) -> None:
    """As few transactions as fit, each of whole entries (routers, middlewares, services)."""
    batch: list[dict[str, Any]] = []
    by_entry = groupby(sorted(operations, key=lambda o: str(o["Key"])), key=lambda o: _entry(o["Key"]))
    for _, entry in by_entry:
        parts = list(entry)
        if len(batch) + len(parts) > LARGEST_TRANSACTION:
            store.transaction(batch)
            batch = []
        batch += parts
    if batch:
        store.transaction(batch)
