"""What must hold between the parts of a plan, and between the plan and the project's files.

Each rule looks at one thing and reports every breach; RULES is what `plan check` goes through. What
Django itself knows (models, URLs) is in `agreement`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from strangler.toolkit.plan.lines import Lines
from strangler.toolkit.plan.model import Commands, Plan
from strangler.toolkit.plan.problems import Place, Problems, suggestion


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A plan while it is being checked."""

    plan: Plan
    file: Path
    lines: Lines
    problems: Problems

    @property
    def root(self) -> Path:
        return (self.file.parent / self.plan.root).resolve()

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest thing around it that has one."""
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]

    def report(self, place: Place, what: str, remedy: str) -> None:
        """Note a mistake, unless the value is already known to be malformed."""
        if self.problems.trusted(place):
            self.problems.add(line=self.line(place), what=what, remedy=remedy)


def tables_have_one_owner(checked: Checked) -> None:
    """A table belongs to one domain, and is listed once."""
    first: dict[str, Place] = {}
    for name, domain in checked.plan.domains.items():
        for index, table in enumerate(domain.tables):
            place: Place = ("domains", name, "tables", index)
            if table not in first:
                first[table] = place
                continue
            owner = str(first[table][1])
            line = checked.line(first[table])
            if owner == name:
                checked.report(
                    place, f"Table `{table}` is listed twice, first in line {line}.", "Remove one."
                )
            else:
                checked.report(
                    place,
                    f"Table `{table}` belongs to `{owner}` already (line {line}).",
                    "A table has one domain; the other asks through its port.",
                )


def packages_have_one_domain(checked: Checked) -> None:
    """Two domains share neither app nor contract."""
    for key in ("app", "contract"):
        first: dict[str, str] = {}
        for name, domain in checked.plan.domains.items():
            module = getattr(domain, key)
            if module in first:
                checked.report(
                    ("domains", name, key),
                    f"`{module}` is the {key} of `{first[module]}` already.",
                    f"Give each domain its own {key}.",
                )
            first.setdefault(module, name)


def stages_count_up(checked: Checked) -> None:
    """Stages are numbered 0, 1, 2 … in order, named differently, and built in order."""
    expected, names = 0, dict[str, int]()
    for index, stage in enumerate(checked.plan.stages):
        place: Place = ("stages", index)
        trusted = checked.problems.trusted((*place, "number"))
        numbers = [s.number for s in checked.plan.stages[:index]]
        if trusted and stage.number in numbers:
            earlier = numbers.index(stage.number)
            checked.report(
                (*place, "number"),
                f"There is a stage {stage.number} already, in line {checked.line(('stages', earlier))}.",
                "Number the stages 0, 1, 2 … in order.",
            )
        elif trusted and stage.number != expected:
            checked.report(
                (*place, "number"),
                f"Stage {stage.number} stands where stage {expected} is due.",
                "Number the stages 0, 1, 2 … in order, without gaps.",
            )
        expected = max(expected, stage.number + 1) if trusted else expected + 1
        if stage.name in names:
            checked.report(
                (*place, "name"), f"Stage {names[stage.name]} is named `{stage.name}` too.", "Rename one."
            )
        names.setdefault(stage.name, stage.number)
        if stage.built and index and not checked.plan.stages[index - 1].built:
            before = checked.plan.stages[index - 1].number
            checked.report(
                (*place, "built"),
                f"Stage {stage.number} is built, but stage {before} before it is not.",
                "Stages are built in order.",
            )
    if not checked.plan.stages:
        checked.report(
            ("stages",), "There are no stages.", "Write at least stage 0, where the migration starts."
        )


def domains_move_once(checked: Checked) -> None:
    """A stage moves domains that exist, once, and not at the start; built ones have the host."""
    moved: dict[str, int] = {}
    known = list(checked.plan.domains)
    for index, stage in enumerate(checked.plan.stages):
        for position, domain in enumerate(stage.moves):
            place: Place = ("stages", index, "moves", position)
            if domain not in checked.plan.domains:
                checked.report(
                    place,
                    f"Stage {stage.number} moves `{domain}`, which is no domain.",
                    suggestion(domain, known),
                )
            elif domain in moved:
                checked.report(
                    place, f"`{domain}` moved in stage {moved[domain]} already.", "A domain moves once."
                )
            elif stage.number == 0:
                checked.report(
                    place,
                    f"Stage 0 moves `{domain}`, but nothing has moved where the migration starts.",
                    "Move it in a later stage.",
                )
            elif stage.built and domain not in checked.plan.hosts:
                checked.report(
                    place,
                    f"Stage {stage.number} is built and moves `{domain}`, but there is no host `{domain}`.",
                    "Add it under `hosts`, or set `built: false`.",
                )
            moved.setdefault(domain, stage.number)


def names_are_known(checked: Checked) -> None:
    """The origin is a host, the gateway's first stage a stage."""
    plan = checked.plan
    if plan.origin not in plan.hosts:
        checked.report(("origin",), f"`{plan.origin}` is no host.", suggestion(plan.origin, list(plan.hosts)))
    numbers = [stage.number for stage in plan.stages]
    if plan.gateway is not None and numbers and plan.gateway.since not in numbers:
        checked.report(
            ("gateway", "since"),
            f"There is no stage {plan.gateway.since}.",
            f"Stages go from {min(numbers)} to {max(numbers)}.",
        )


def routes_do_not_overlap(checked: Checked) -> None:
    """No path may have two answers. Within one domain the more literal of two paths wins, as in Django."""
    seen: list[tuple[str, str, Place]] = []
    for group, owners in (("domains", checked.plan.domains), ("hosts", checked.plan.hosts)):
        for name, owner in owners.items():
            for path in owner.routes:
                place: Place = (group, name, "routes", path)
                for other, other_name, other_place in seen:
                    same_owner = other_place[:2] == place[:2]
                    same_shape = _shape(path) == _shape(other)
                    if same_shape or (not same_owner and overlap(path, other)):
                        checked.report(
                            place,
                            f"Route {path} answers the same requests as {other} of "
                            f"`{other_name}` (line {checked.line(other_place)}).",
                            "Join them." if same_owner else "A path belongs to one owner.",
                        )
                seen.append((path, name, place))
                internal = checked.plan.gateway.internal if checked.plan.gateway else []
                for hidden in internal:
                    if overlap(path, hidden):
                        checked.report(
                            place,
                            f"Route {path} is public, but the gateway hides {hidden}.",
                            "Remove it here or under `gateway.internal`.",
                        )


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def overlap(one: str, other: str) -> bool:
    """Whether some path matches both templates."""
    first, second = (path.removesuffix("/**").split("/") for path in (one, other))
    below_one, below_other = one.endswith("/**"), other.endswith("/**")
    if (len(first) > len(second) and not below_other) or (len(second) > len(first) and not below_one):
        return False
    return all(
        a == b or (a.startswith("{") and b) or (b.startswith("{") and a)
        for a, b in zip(first, second, strict=False)
    )


def modules_exist(checked: Checked) -> None:
    """Settings, apps and contracts are modules below one of the sources. Nothing is imported."""
    plan = checked.plan
    wanted: list[tuple[Place, str]] = [(("hosts", n, "settings"), h.settings) for n, h in plan.hosts.items()]
    for name, domain in plan.domains.items():
        wanted += [(("domains", name, "app"), domain.app), (("domains", name, "contract"), domain.contract)]
    if not checked.problems.trusted(("sources",)):
        return
    for index, source in enumerate(plan.sources):
        if not (checked.root / source).is_dir():
            checked.report(
                ("sources", index),
                f"There is no folder {source} in {checked.root}.",
                "Correct `sources` or `root`.",
            )
    for place, module in wanted:
        if any(_exists(checked.root / source, module) for source in plan.sources):
            continue
        package, _, _ = module.rpartition(".")
        siblings = [
            f"{package}.{found}" if package else found
            for source in plan.sources
            for found in _modules(checked.root / source / package.replace(".", "/"))
        ]
        close = suggestion(module, siblings)
        remedy = (
            close
            if close.startswith("Did")
            else f"Looked in {', '.join(plan.sources)}; create it or correct the name."
        )
        checked.report(place, f"There is no Python module `{module}`.", remedy)
        checked.problems.faulty.add(place)


def _exists(source: Path, module: str) -> bool:
    path = source / module.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _modules(folder: Path) -> Iterable[str]:
    if not folder.is_dir():
        return []
    return sorted(p.stem for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file())


def files_exist(checked: Checked) -> None:
    """What built stages introduce or supersede, and their chapters."""
    for index, stage in enumerate(checked.plan.stages):
        if not stage.built:
            continue
        for key in ("introduces", "supersedes"):
            for position, path in enumerate(getattr(stage, key)):
                if not (checked.root / path).exists():
                    checked.report(
                        ("stages", index, key, position),
                        f"There is no {path}.",
                        "Correct the path or remove it.",
                    )
        chapter = checked.file.parent / stage.folder / "README.md"
        if not chapter.is_file():
            checked.report(
                ("stages", index),
                f"Stage {stage.number} is built but has no chapter.",
                f"Write {stage.folder}/README.md beside the plan.",
            )


def services_exist(checked: Checked) -> None:
    """The services of built stages are in the compose file."""
    wanted = [
        (("stages", index, "services", position), service)
        for index, stage in enumerate(checked.plan.stages)
        if stage.built
        for position, service in enumerate(stage.services)
    ]
    compose = checked.root / checked.plan.compose
    if not wanted or not checked.problems.trusted(("compose",)):
        return
    if not compose.is_file():
        checked.report(
            ("compose",), f"There is no {checked.plan.compose} in {checked.root}.", "Correct the path."
        )
        return
    try:
        known = list(yaml.safe_load(compose.read_text())["services"])
    except (yaml.YAMLError, KeyError, TypeError) as error:
        checked.report(
            ("compose",), f"{checked.plan.compose} is no compose file: {error}.", "Repair it first."
        )
        return
    for place, service in wanted:
        if service not in known:
            checked.report(
                place, f"{checked.plan.compose} has no service `{service}`.", suggestion(service, known)
            )


def commands_can_be_filled_in(checked: Checked) -> None:
    """What a command has in braces is known, and its quotes are closed."""
    commands = checked.plan.commands or Commands()
    for name in commands.__struct_fields__:
        try:
            commands.arguments(name, host="", domain="", stage=0)
        except ValueError as error:
            checked.report(
                ("commands", name),
                f"`{name}` is no command: {error}.",
                "`{host}`, `{domain}` and `{stage}` are filled in; write other braces twice, close quotes.",
            )


RULES: list[Callable[[Checked], None]] = [
    names_are_known,
    tables_have_one_owner,
    packages_have_one_domain,
    stages_count_up,
    domains_move_once,
    routes_do_not_overlap,
    modules_exist,
    files_exist,
    services_exist,
    commands_can_be_filled_in,
]
