"""The gateway's routers and services as Traefik reads them, from the plan and the stage."""

from collections import defaultdict
from collections.abc import Sequence

from strangler.toolkit.gateway.middlewares import PAGES
from strangler.toolkit.plan import Plan

READS = ("GET", "HEAD", "OPTIONS")
WRITES = ("POST", "PUT", "PATCH", "DELETE")
# The higher, the earlier: what is never routed, then single routes, then the catch-all, then the page
# that says a host is gone (it is reached when a router's service has no instance left).
INTERNAL, OWN_LIMITS, ROUTE, CATCH_ALL, GONE = 1000, 900, 500, 100, 1


def routers(plan: Plan, *, stage: int) -> dict[str, dict[str, str]]:
    """Name → options of each router: per host, reads and writes of the routes that need a user."""
    found: dict[str, dict[str, str]] = {}
    guarded: dict[tuple[str, str], list[str]] = defaultdict(list)
    for route in plan.routes(stage=stage):
        needing = route.methods_for("user", "staff")
        for kind, methods in (("read", READS), ("write", WRITES)):
            asked: list[str] = [method for method in methods if method in needing]
            if asked:
                asked += ["HEAD"] if kind == "read" else []
                guarded[route.host, kind].append(f"(PathRegexp(`{route.regex}`) && ({_any_of(asked)}))")
    for (host, kind), rules in sorted(guarded.items()):
        rule = " || ".join(rules)
        found[f"{host}-user-{kind}"] = _router(rule, f"{host}@consulcatalog", f"user-{kind}", ROUTE)
    origin = f"{plan.origin}@consulcatalog"
    found["any-read"] = _router(_any_of(READS), origin, "open-read", CATCH_ALL + 1)
    found["any-write"] = _router("PathPrefix(`/`)", origin, "open-write", CATCH_ALL)
    gateway = plan.gateway
    if gateway and gateway.own_limits:
        rule = " || ".join(f"Path(`{path}`)" for path in gateway.own_limits)
        found["own-limits"] = _router(rule, origin, "own-limits", OWN_LIMITS)
    if gateway and gateway.internal:
        rule = " || ".join(_path(path) for path in gateway.internal)
        found["not-routed"] = _router(rule, PAGES, "not-routed", INTERNAL)
    found["gone"] = _router("PathPrefix(`/`)", PAGES, "unavailable", GONE)
    # The gateway asks who a caller is through itself, so that the question finds any instance.
    auth = _router("Path(`/internal/auth`)", origin, "problems-gateway@file,breaker,retry", ROUTE)
    found["auth"] = auth | {"entryPoints": "internal"}
    gone = _router("Path(`/internal/auth`)", PAGES, "unavailable", GONE)
    found["auth-gone"] = gone | {"entryPoints": "internal"}
    # Ready: the routes are known, and an instance answers behind them.
    found["ready"] = _router("Path(`/ready`)", origin, "ready,open-read", ROUTE) | {"entryPoints": "internal"}
    dashboard = _router("PathPrefix(`/api`) || PathPrefix(`/dashboard`)", "api@internal", "", ROUTE)
    found["dashboard"] = dashboard | {"entryPoints": "internal"}
    return found


def services(pages_url: str) -> dict[str, dict[str, str]]:
    """Services that are in no catalogue."""
    return {PAGES: {"loadBalancer/servers/0/url": pages_url}}


def _router(rule: str, service: str, middlewares: str, priority: int) -> dict[str, str]:
    router = {"rule": rule, "service": service, "priority": str(priority), "entryPoints": "web"}
    return router | ({"middlewares": middlewares} if middlewares else {})


def _any_of(methods: Sequence[str]) -> str:
    return " || ".join(f"Method(`{method}`)" for method in methods)


def _path(path: str) -> str:
    return f"PathPrefix(`{path[:-3]}`)" if path.endswith("/**") else f"Path(`{path}`)"
