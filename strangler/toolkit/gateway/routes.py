"""The gateway's routers and services as Traefik reads them, from the plan, the stage and the splits."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from strangler.chassis.discovery import member
from strangler.toolkit.gateway.middlewares import PAGES
from strangler.toolkit.gateway.splits import Split
from strangler.toolkit.plan import Plan
from strangler.toolkit.plan.model import Route

READS = ("GET", "HEAD", "OPTIONS")
WRITES = ("POST", "PUT", "PATCH", "DELETE")
# The higher, the earlier: what is never routed, then single routes, then what else a moved domain's paths
# are asked, then the catch-all, then the page that says a host is gone. A router whose service has no
# instance left is as if it were not there, so the one below gets the request.
INTERNAL, OWN_LIMITS, ROUTE, SPARE = 1000, 900, 500, 490
OPEN, OPEN_SPARE, OPEN_WRITES, MOVED_GONE = 410, 405, 400, 390
CATCH_ALL, GONE = 100, 1

Options = dict[str, str]


@dataclass(frozen=True)
class Lane:
    """Where requests of some routes go: a host's, or those of a domain that is between two.

    `spare` answers reads while nobody behind `reads` can.
    """

    name: str
    reads: str
    writes: str
    spare: str = ""


def routers(plan: Plan, *, stage: int, splits: Mapping[str, Split] = {}) -> dict[str, Options]:
    """Name → options of each router: per lane, reads and writes of the routes that need a user; for a lane
    that is not the origin's, whatever else its paths are asked too."""
    lanes: dict[Lane, list[Route]] = defaultdict(list)
    for route in plan.routes(stage=stage):
        lanes[_lane(route, splits)].append(route)
    found: dict[str, Options] = {}
    for lane, routes in sorted(lanes.items(), key=lambda item: item[0].name):
        found |= dict(_guarded(lane, routes))
        if lane.name != plan.origin:
            found |= dict(_unguarded(lane, routes))
    return found | _fixed(plan)


def services(pages_url: str, *, splits: Mapping[str, Split] = {}) -> dict[str, Options]:
    """Services that are in no catalogue: the gateway's pages, and the reads of each split domain."""
    found = {PAGES: {"loadBalancer/servers/0/url": pages_url}}
    for domain, split in splits.items():
        options = found.setdefault(f"{domain}-reads", {})
        for index, (host, share) in enumerate(split.weights.items()):
            options[f"weighted/services/{index}/name"] = f"{member(host, domain)}@consulcatalog"
            options[f"weighted/services/{index}/weight"] = str(share)
    return found


def needed(plan: Plan, *, stage: int, splits: Mapping[str, Split] = {}, domain: str = "") -> set[str]:
    """The services without which a domain's requests, or anybody's if none is named, are answered by nobody.
    A spare is none of them: it is there for when another is not."""
    lanes = [_lane(r, splits) for r in plan.routes(stage=stage) if domain in ("", r.domain)]
    return {service for lane in lanes for service in (lane.reads, lane.writes)}


def _lane(route: Route, splits: Mapping[str, Split]) -> Lane:
    split = splits.get(route.domain or "")
    if split is None or route.domain is None:
        service = f"{route.host}@consulcatalog"
        return Lane(route.host, service, service)
    writes, spare = (f"{member(h, route.domain)}@consulcatalog" for h in (split.writes_to, split.old))
    return Lane(route.domain, f"{route.domain}-reads", writes, spare)


def _guarded(lane: Lane, routes: Sequence[Route]) -> Iterator[tuple[str, Options]]:
    """Routers of what needs a user."""
    for kind, methods, service in (("read", READS, lane.reads), ("write", WRITES, lane.writes)):
        rules = []
        for route in routes:
            needing = route.methods_for("user", "staff")
            asked: list[str] = [method for method in methods if method in needing]
            if asked:
                asked += ["HEAD"] if kind == "read" else []
                rules.append(f"(PathRegexp(`{route.regex}`) && ({_any_of(asked)}))")
        if rules:
            rule, name = " || ".join(rules), f"{lane.name}-user-{kind}"
            yield name, _router(rule, service, f"user-{kind}", ROUTE)
            if kind == "read" and lane.spare:
                yield f"{name}-spare", _router(rule, lane.spare, f"user-{kind}", SPARE)


def _unguarded(lane: Lane, routes: Sequence[Route]) -> Iterator[tuple[str, Options]]:
    """Routers of everything else that the lane's paths are asked, and of their host being gone."""
    paths = " || ".join(f"PathRegexp(`{route.regex}`)" for route in routes)
    reads = f"({paths}) && ({_any_of(READS)})"
    yield f"{lane.name}-open-read", _router(reads, lane.reads, "open-read", OPEN)
    if lane.spare:
        yield f"{lane.name}-open-read-spare", _router(reads, lane.spare, "open-read", OPEN_SPARE)
    yield f"{lane.name}-open-write", _router(paths, lane.writes, "open-write", OPEN_WRITES)
    yield f"{lane.name}-gone", _router(paths, PAGES, "unavailable", MOVED_GONE)


def _fixed(plan: Plan) -> dict[str, Options]:
    """The routers that there are whatever has moved."""
    origin = f"{plan.origin}@consulcatalog"
    found = {
        "any-read": _router(_any_of(READS), origin, "open-read", CATCH_ALL + 1),
        "any-write": _router("PathPrefix(`/`)", origin, "open-write", CATCH_ALL),
    }
    gateway = plan.gateway
    if gateway and gateway.own_limits:
        rule = " || ".join(f"Path(`{path}`)" for path in gateway.own_limits)
        found["own-limits"] = _router(rule, origin, "own-limits", OWN_LIMITS)
    if gateway and gateway.internal:
        rule = " || ".join(_path(path) for path in gateway.internal)
        found["not-routed"] = _router(rule, PAGES, "not-routed", INTERNAL)
    found["gone"] = _router("PathPrefix(`/`)", PAGES, "unavailable", GONE)
    # The gateway asks who a caller is through itself, so that the question finds any instance.
    auth = _router("Path(`/internal/auth`)", origin, "problems-auth@file,breaker,retry", ROUTE)
    found["auth"] = auth | {"entryPoints": "internal"}
    gone = _router("Path(`/internal/auth`)", PAGES, "unavailable", GONE)
    found["auth-gone"] = gone | {"entryPoints": "internal"}
    # Ready: the routes are known, and an instance answers behind them.
    found["ready"] = _router("Path(`/ready`)", origin, "ready,open-read", ROUTE) | {"entryPoints": "internal"}
    dashboard = _router("PathPrefix(`/api`) || PathPrefix(`/dashboard`)", "api@internal", "", ROUTE)
    found["dashboard"] = dashboard | {"entryPoints": "internal"}
    return found


def _router(rule: str, service: str, middlewares: str, priority: int) -> Options:
    router = {"rule": rule, "service": service, "priority": str(priority), "entryPoints": "web"}
    return router | ({"middlewares": middlewares} if middlewares else {})


def _any_of(methods: Sequence[str]) -> str:
    return " || ".join(f"Method(`{method}`)" for method in methods)


def _path(path: str) -> str:
    return f"PathPrefix(`{path[:-3]}`)" if path.endswith("/**") else f"Path(`{path}`)"
