"""Routing a stage while the gateway runs: write the routes, then see that Traefik goes by them."""

import time
from collections.abc import Callable, Container
from typing import Any

import requests

from strangler.chassis.config import ConfigError
from strangler.toolkit.consul import KeyValues
from strangler.toolkit.errors import ToolkitError
from strangler.toolkit.gateway import splits
from strangler.toolkit.gateway.apply import ROOT, apply, desired, settings_of
from strangler.toolkit.gateway.middlewares import PAGES
from strangler.toolkit.gateway.routes import needed
from strangler.toolkit.plan import Plan

LIVE_SECONDS = 10.0
POLL_SECONDS = 0.05
AUTH_KEY = f"{ROOT}/middlewares/auth/forwardAuth/address"
PAGES_KEY = f"{ROOT}/services/{PAGES}/loadBalancer/servers/0/url"

Tell = Callable[[str], None]
Entries = dict[str, dict[str, dict[str, str]]]
"""Routers, services and middlewares by name, each with its options as they are written."""
Running = dict[str, dict[str, Any]]
"""The same as Traefik tells them."""


class NotLive(ToolkitError):
    """Traefik does not go by the routes that were written."""


def route(
    store: KeyValues,
    plan: Plan,
    *,
    stage: int,
    domain: str = "",
    traefik_url: str = "",
    seconds: float = LIVE_SECONDS,
    tell: Tell | None = None,
) -> int:
    """Write the routes of this stage and of the splits that hold; the number of keys that changed.

    With `traefik_url`, the address of Traefik's internal entry point, it returns once requests go by them,
    and raises NotLive if that takes longer than `seconds`: what was written stays. Where a domain is named
    the hosts of others may be away; with `tell` its own too, which is told.

    Every step writes the routes of all domains. So who finds afterwards that a split was set or cleared since
    it read them does it again: whoever writes last has seen them all.
    """
    present = store.folder(f"{ROOT}/")
    if AUTH_KEY not in present or PAGES_KEY not in present:
        raise ConfigError(
            f"Consul at {store.url} has no routes yet. `./run strangler gateway apply --stage N` writes "
            "them; so does the start of a stage that has a gateway."
        )
    changed = 0
    while True:
        held = splits.stored(store)
        wanted = desired(
            plan,
            settings_of(store),
            stage=stage,
            auth_url=present[AUTH_KEY],
            pages_url=present[PAGES_KEY],
            splits=held,
        )
        changed += apply(store, wanted)
        try:
            if traefik_url and splits.stored(store) == held:
                asked = needed(plan, stage=stage, splits=held, domain=domain)
                wait_until_live(traefik_url, wanted, asked, seconds=seconds, tell=tell)
        except NotLive:
            if splits.stored(store) == held:
                raise
        if splits.stored(store) == held:
            return changed


def wait_until_live(
    url: str,
    wanted: dict[str, str],
    asked: Container[str],
    *,
    seconds: float = LIVE_SECONDS,
    tell: Tell | None = None,
) -> None:
    """Return once Traefik at `url` has these routers and services and no others of Consul's, and those that
    lead to the services `asked` for work; raises NotLive with the first that does not.

    With `tell`, what does not work is told and not waited for: Traefik takes it up by itself.
    """
    deadline, expected = time.monotonic() + seconds, _entries(wanted)
    while True:
        try:
            running = _running(url)
        except requests.RequestException as error:
            late = f"it does not answer ({error})."
        else:
            late = _difference(running, expected)
            dead = "" if late else _dead(running, expected, asked)
            if dead and tell:
                tell(f"{dead} What was written stays, and holds as soon as somebody is there.")
                return
            late = late or dead
        if not late:
            return
        if time.monotonic() > deadline:
            raise NotLive(
                f"The gateway at {url} does not go by what was written after {seconds:.0f} s: {late}"
            )
        time.sleep(POLL_SECONDS)


def _running(url: str) -> Running:
    """What Traefik goes by."""
    answer = requests.get(f"{url}/api/rawdata", timeout=2)
    answer.raise_for_status()
    found: Running = answer.json()
    return found


def _difference(running: Running, expected: Entries) -> str:
    """What Traefik has otherwise than expected, or nothing."""
    for part, same in (("services", _same_service), ("routers", _same_router)):
        for name, options in expected[part].items():
            entry = running.get(part, {}).get(f"{name}@consul")
            if entry is None:
                return f"it has no {name} among its {part}."
            if not same(entry, options):
                return f"{name} among its {part} is still the former one."
    known = {f"{name}@consul" for name in expected["routers"]}
    stale = [name for name in running.get("routers", {}) if name.endswith("@consul") and name not in known]
    return f"{stale[0]} among its routers is still there." if stale else ""


def _dead(running: Running, expected: Entries, asked: Container[str]) -> str:
    """Which router, or service, of those that are asked for does not work, or nothing."""
    found = [("services", name) for name in expected["services"] if name in asked]
    found += [("routers", name) for name, o in expected["routers"].items() if o["service"] in asked]
    for part, name in found:
        entry = running[part][f"{name}@consul"]
        if entry.get("status") != "enabled":
            return f"{name} is {entry.get('status')}: {', '.join(entry.get('error', ['no reason given']))}."
    return ""


def _entries(wanted: dict[str, str]) -> Entries:
    found: Entries = {"routers": {}, "services": {}, "middlewares": {}}
    for key, value in wanted.items():
        part, name, option = key.removeprefix(f"{ROOT}/").split("/", 2)
        found[part].setdefault(name, {})[option] = value
    return found


def _same_router(entry: dict[str, Any], options: dict[str, str]) -> bool:
    service = str(entry["service"]).removesuffix("@consul")
    return (service, entry["rule"], str(entry["priority"])) == (
        options["service"],
        options["rule"],
        options["priority"],
    )


def _same_service(entry: dict[str, Any], options: dict[str, str]) -> bool:
    found = {
        f"weighted/services/{index}/{option}": str(child[option])
        for index, child in enumerate(entry.get("weighted", {}).get("services", []))
        for option in ("name", "weight")
    }
    return found == {option: value for option, value in options.items() if option.startswith("weighted/")}
