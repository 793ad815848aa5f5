"""Whether the plan says what Django's models and URLconf say."""

import re
import sys

from strangler.toolkit.plan.inspection import Inspection, InspectionFailed, Url, inspect_host
from strangler.toolkit.plan.model import path_regex
from strangler.toolkit.plan.problems import Place, suggestion
from strangler.toolkit.plan.rules import Checked

HEALTH = "strangler.chassis.health"
# What Django's own model of users points at, on every host that has users.
RIGHTS = ("auth_group", "auth_permission")


def check_agreement(checked: Checked) -> list[str]:
    """Compare the plan with each host's Django; returns notes on what may be right or not.

    A domain is compared in the host that owns it at the last built stage.
    """
    plan = checked.plan
    stage = plan.built[-1].number if plan.built else 0
    notes = []
    hosts: dict[str, Inspection] = {}
    for name, host in plan.hosts.items():
        if not checked.problems.trusted(("hosts", name, "settings")):
            continue
        try:
            found = inspect_host(host.settings, root=checked.root, sources=plan.sources)
        except InspectionFailed as error:
            checked.report(
                ("hosts", name, "settings"),
                f"Models and URLs of host `{name}` were not compared: {str(error).rstrip('.')}.",
                "Its settings are imported by the toolkit's Python: install what they need with "
                f"`uv pip install --python {sys.executable}`, or leave them out with --no-django.",
            )
            continue
        hosts[name] = found
        own = [
            domain
            for domain in plan.domains
            if plan.host_of(domain, stage=stage) == name
            and checked.problems.trusted(("domains", domain, "app"))
        ]
        compare_apps(checked, own, found)
        compare_foreign_keys(checked, own, found)
        compare_routes(checked, name, own, found)
        migrations_load(checked, name, found)
        notes += _odd_urls(checked, name, found) + _generic_keys(checked, own, found)
    return notes + compare_settings(checked, hosts)


def migrations_load(checked: Checked, host: str, found: Inspection) -> None:
    """`prepare` goes through all of a host's migrations, the oldest too."""
    for each in found.migrations:
        checked.report(
            ("hosts", host, "settings"),
            f"`{each.migration}` cannot be run at host `{host}`: {each.why}, and {each.app} is not there."
            if each.app
            else f"The migrations of host `{host}` do not go together: {each.why}",
            "Rewrite that migration in place: reference() for its keys, hosted_dependencies() for what it "
            "depends on (strangler/GUIDE.md, 2)."
            if each.app
            else "Let Django's `makemigrations --check` pass at this host.",
        )


def compare_settings(checked: Checked, hosts: dict[str, Inspection]) -> list[str]:
    """A domain does at its new host what it did at the old one; returns notes on what may be meant so."""
    plan = checked.plan
    before = hosts.get(plan.origin)
    notes = []
    for name, found in hosts.items():
        if before is None or name == plan.origin:
            continue
        for setting, value in found.settings.items():
            old = before.settings[setting]
            if value == old:
                continue
            said = f"{setting} is {value} at host `{name}` and {old} at `{plan.origin}`"
            if setting == "ATOMIC_REQUESTS":
                checked.report(
                    ("hosts", name, "settings"),
                    f"{said}: of a request that fails, what it wrote stays or not.",
                    "Give both the same: host_settings(…, atomic_requests=True), for one.",
                )
            else:
                notes.append(f"{said}: the domain's code may answer differently there.")
        if missing := [each for each in before.middleware if each not in found.middleware]:
            notes.append(f"Host `{name}` has no {', '.join(missing)}, which `{plan.origin}` has.")
    return notes


def _generic_keys(checked: Checked, domains: list[str], found: Inspection) -> list[str]:
    """Notes on keys whose targets nobody can tell."""
    moving = {domain for stage in checked.plan.stages for domain in stage.moves}
    apps = {app.package: app for app in found.apps}
    return [
        f"{key} of `{name}` is a GenericForeignKey: once a domain has moved, it finds none of its rows. Keep "
        "the model's name and the row's id in columns, if it may point there."
        for name in domains
        if moving and (app := apps.get(checked.plan.domains[name].app)) is not None
        for key in app.generic_keys
    ]


def compare_apps(checked: Checked, domains: list[str], found: Inspection) -> None:
    """Each domain has its app's label for a name, and its tables are those of the app's models."""
    apps = {app.package: app for app in found.apps}
    for name in domains:
        domain = checked.plan.domains[name]
        place: Place = ("domains", name)
        app = apps.get(domain.app)
        if app is None:
            checked.report(
                (*place, "app"),
                f"`{domain.app}` is not among the installed apps of its host.",
                "Add it to INSTALLED_APPS, or correct the name.",
            )
            continue
        if app.label != name:
            checked.report(
                place,
                f"`{name}` is the app `{domain.app}`, whose label is `{app.label}`.",
                f"Name the domain `{app.label}`: ports, events, the fence and Consul know it by its label.",
            )
        missing = [table for table in app.tables if table not in domain.tables]
        if missing:
            checked.report(
                (*place, "tables"),
                f"`{name}` has tables that the plan does not list: {', '.join(missing)}.",
                "Add them: what is not listed does not move with the domain.",
            )
        for index, table in enumerate(domain.tables):
            if table not in [*app.tables, *app.unmanaged]:
                checked.report(
                    (*place, "tables", index),
                    f"No model of `{domain.app}` has the table `{table}`.",
                    suggestion(table, app.tables),
                )


def compare_foreign_keys(checked: Checked, domains: list[str], found: Inspection) -> None:
    """A foreign key across domains is a declared `reference`, or the domain cannot move; and a domain that
    moves leaves behind what belongs to none."""
    plan = checked.plan
    owner = {table: name for name, domain in plan.domains.items() for table in domain.tables}
    moving = {domain for stage in plan.stages for domain in stage.moves}
    apps = {app.package: app for app in found.apps}
    for name in domains:
        app = apps.get(plan.domains[name].app)
        for key in app.foreign_keys if app else []:
            target = owner.get(key.table)
            if target not in (None, name) and not key.declared:
                checked.report(
                    ("domains", name, "app"),
                    f"{key.field} is a foreign key into `{target}` ({key.table}), which may move away.",
                    "Declare it with strangler.chassis.references.reference.",
                )
            if target is None and name in moving and key.table not in RIGHTS:
                checked.report(
                    ("domains", name, "app"),
                    f"{key.field} is a foreign key into {key.table}, which belongs to no domain and stays "
                    f"where it is when `{name}` moves.",
                    "Content types are numbered by each database: keep the model's name instead."
                    if key.table == "django_content_type"
                    else "Make its app a domain and declare the key with reference(), or keep the number.",
                )


def compare_routes(checked: Checked, host: str, domains: list[str], found: Inspection) -> None:
    """Every route has a URL of the same template and methods in its domain's package, and vice versa."""
    plan = checked.plan
    urls = {url.path: url for url in found.urls if url.template}
    for name in domains:
        domain = plan.domains[name]
        own = sorted(url.path for url in urls.values() if url.module.startswith(f"{domain.app}."))
        for path, methods in domain.routes.items():
            place: Place = ("domains", name, "routes", path)
            url = urls.get(path)
            if path.endswith("/**") and any(_covers(path, other) for other in found.urls):
                continue
            if url is None:
                checked.report(
                    place,
                    f"`{host}` has no URL {path}.",
                    suggestion(path, own) if own else "Correct the path.",
                )
            elif url.methods is not None and set(url.methods) != set(methods):
                checked.report(
                    place,
                    f"{path} answers {', '.join(url.methods)}; the plan says {', '.join(methods)}.",
                    "List the methods that the view answers.",
                )
        for path in own:
            if path not in domain.routes and not any(_covers(route, urls[path]) for route in domain.routes):
                checked.report(
                    ("domains", name, "routes"),
                    f"The plan does not list {path} of `{domain.app}`.",
                    "Add it: the gateway must know it when the domain moves.",
                )
    _compare_other_urls(checked, host, found)


def _compare_other_urls(checked: Checked, host: str, found: Inspection) -> None:
    """A URL outside the domains is a route of the host, or internal; a host's health is never routed."""
    packages = (HEALTH, *(f"{domain.app}." for domain in checked.plan.domains.values()))
    for url in found.urls:
        if url.template and not url.module.startswith(packages) and not _listed(checked, host, url):
            checked.report(
                ("hosts", host),
                f"`{host}` answers {url.path}, which belongs to no domain.",
                "List it under the host's `routes`, or under `gateway.internal`.",
            )


def _odd_urls(checked: Checked, host: str, found: Inspection) -> list[str]:
    """Notes on what no template says."""
    return [
        f"`{host}` answers {url.path} of {url.module}, which was not compared: list what it answers as "
        "templates, or all below a path as /path/**."
        for url in found.urls
        if not url.template and not _listed(checked, host, url)
    ]


def _listed(checked: Checked, host: str, url: Url) -> bool:
    """Whether a domain lists the path, whoever's view it has, or the host or the gateway do."""
    plan = checked.plan
    owned = [path for domain in plan.domains.values() for path in domain.routes]
    known = [*plan.hosts[host].routes, *(plan.gateway.internal if plan.gateway else []), *owned]
    return any(url.path == path or _covers(path, url) for path in known)


def _covers(route: str, url: Url) -> bool:
    """Whether the URL is one of those below the route."""
    return route.endswith("/**") and re.match(path_regex(route), url.path) is not None
