"""Where a domain's package stands at a stage: with the host that runs it."""

from collections.abc import Collection

from strangler.toolkit.plan.model import Plan, Stage


def moves(plan: Plan, stage: Stage, files: Collection[str]) -> dict[str, str]:
    """Folder → where it belongs by then, for the package of each domain that has a host of its own.

    A package keeps its dotted name, so it goes below the host's own folder, which becomes a source.
    """
    found = {}
    for domain, host in _extracted(plan, stage, files).items():
        package = plan.domains[domain].app.replace(".", "/")
        before = _folder(plan, package, files)
        if before is not None:
            found[before] = f"{host}/{package}"
    return found


def sources(plan: Plan, stage: Stage, files: Collection[str]) -> list[str]:
    """The folders on the Python path at the stage."""
    return [*plan.sources, *_extracted(plan, stage, files).values()]


def _extracted(plan: Plan, stage: Stage, files: Collection[str]) -> dict[str, str]:
    """Domain → its host's folder, for the domains that left the origin by then."""
    found = {}
    for domain in plan.domains:
        host = plan.host_of(domain, stage=stage.number)
        if host != plan.origin and host in plan.hosts:
            package = plan.hosts[host].settings.rpartition(".")[0].replace(".", "/")
            folder = _folder(plan, package, files)
            if folder is not None:
                found[domain] = folder
    return found


def _folder(plan: Plan, package: str, files: Collection[str]) -> str | None:
    """The package's folder in the tree: below the first source that has it."""
    for source in plan.sources:
        folder = package if source == "." else f"{source}/{package}"
        if any(file.startswith(f"{folder}/") for file in files):
            return folder
    return None
