"""What a plan file says, as types. Reading one: `strangler.toolkit.plan.load`."""

import re
import shlex
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from strangler.toolkit.errors import NotThere

Access = Literal["public", "user", "staff"]
HttpMethod = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Name = Annotated[
    str,
    Meta(
        pattern="^[a-z][a-z0-9_-]{0,39}$",  # PostgreSQL's names have 63, and ours say what they are for
        description="lower-case letters, digits, - and _, a letter first, 40 at most",
    ),
]
Module = Annotated[str, Meta(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$", description="a dotted Python name")]
PathTemplate = Annotated[
    str,
    Meta(
        pattern=r"^(/([^/{}*\s]+|\{[a-z_]+\}))*(/|/\*\*)?$",
        description="like /api/things, /api/things/{id} or /admin/** (and everything below)",
    ),
]
File = Annotated[
    str,
    Meta(pattern=r"^(?!/)(?!.*\.\.)\S+$", description="relative to the root, without .."),
]


class NotBuilt(NotThere):
    """The plan has no such stage, or has it planned and nothing more."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A process set that runs domains. `routes` are those that belong to no domain: admin, static files."""

    settings: Module
    routes: dict[PathTemplate, dict[HttpMethod, Access]] = {}


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """A bounded context: one Django app, the contract that the others see of it, its tables and routes.

    A route says who may call which method: anybody (`public`), who has a valid token (`user`), whose token
    says so (`staff`). The gateway asks for the token; what is staff's alone, the host sees to.
    """

    app: Module
    contract: Module
    tables: list[str] = []
    routes: dict[PathTemplate, dict[HttpMethod, Access]] = {}


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """From which stage on a gateway stands in front, and what it never lets through.

    `own_limits` are routes that limit their callers themselves: the gateway's limits leave them alone, so
    that the route's own answer reaches the client.
    """

    since: Annotated[int, Meta(ge=0)]
    internal: list[PathTemplate] = []
    own_limits: list[PathTemplate] = []


class Commands(msgspec.Struct, frozen=True, kw_only=True):
    """What a step runs to start and restart hosts, in the plan's root, where no native stack does it.

    `{host}`, `{domain}` and `{stage}` are filled in: the domain's new host, and the stage that is moved to.
    `prepare` creates and migrates the new host's database, `start` starts its processes beside the old
    ones, `stop` ends them when a step is given up, `finish` restarts the old host without the domain.
    Without a shell, and each is to end: what it leaves running writes to a file of its own.
    """

    prepare: str = ""
    start: str = ""
    finish: str = ""
    stop: str = ""

    def arguments(self, name: str, *, host: str, domain: str, stage: int) -> list[str]:
        """The command of this name, filled in and split; empty if there is none. Raises ValueError."""
        command: str = getattr(self, name)
        try:
            return shlex.split(command.format(host=host, domain=domain, stage=stage))
        except (LookupError, AttributeError) as error:
            raise ValueError(f"an unknown name in braces, {error}") from error


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A rest point of the migration.

    `moves` are the domains that get a host of their own (of the domain's name) on the way here. `built`: it
    exists; where no stage is marked so, any can be moved to.
    `introduces` (files) and `services` (of the compose file) are absent before this stage,
    `supersedes` (files) are gone from it on.
    """

    number: Annotated[int, Meta(ge=0)]
    name: Name
    summary: str
    built: bool = False
    moves: list[Name] = []
    introduces: list[File] = []
    supersedes: list[File] = []
    services: list[str] = []

    @property
    def tag(self) -> str:
        return f"stage-{self.number}-{self.name}"

    @property
    def folder(self) -> str:
        """The stage's chapter, beside the plan file."""
        return f"{self.number}-{self.name}"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One path of the public HTTP API, who owns it and who may call it. `domain` is None for a host's own."""

    path: str
    domain: str | None
    host: str
    methods: dict[HttpMethod, Access]

    @property
    def regex(self) -> str:
        """The whole path as a regular expression (RE2 and Python alike), anchored at both ends."""
        return path_regex(self.path)

    def methods_for(self, *access: Access) -> list[HttpMethod]:
        """The methods that need one of these, in the plan's order."""
        return [method for method, needed in self.methods.items() if needed in access]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A migration: hosts, domains, gateway, stages.

    `origin` is the host where every domain starts; it also answers what no route names. `root` is the
    project's folder, relative to the plan file; `sources` are the folders on the Python path, relative to
    the root, as is the `compose` file; `parity` is the module of journeys that stages are compared by
    (`strangler parity`). `commands` start and restart hosts around a step, so that nobody has to by hand.
    """

    name: str
    root: str = ".."
    sources: list[str] = msgspec.field(default_factory=lambda: ["."])
    compose: File = "docker-compose.yml"
    parity: Module | None = None
    origin: Name
    hosts: dict[Name, Host]
    domains: dict[Name, Domain]
    gateway: Gateway | None = None
    commands: Commands | None = None
    stages: list[Stage]

    def stage(self, number: int) -> Stage:
        """The stage of this number; raises KeyError."""
        for stage in self.stages:
            if stage.number == number:
                return stage
        raise KeyError(number)

    @property
    def built(self) -> list[Stage]:
        """The stages that exist, in order."""
        return [stage for stage in self.stages if stage.built]

    def check_stage(self, number: int) -> None:
        """Raise NotBuilt unless there is such a stage. Where none is marked as built, any may be."""
        there = [stage.number for stage in self.built or self.stages]
        if number not in there:
            planned = any(stage.number == number for stage in self.stages)
            raise NotBuilt(
                f"Stage {number} is {'planned, and not built yet' if planned else 'not in the plan'}. "
                f"There are stages {', '.join(map(str, there))}."
            )

    def host_of(self, domain: str, *, stage: int) -> str:
        """Who owns the domain when the migration stands at this stage."""
        moved = any(domain in s.moves for s in self.stages if s.number <= stage)
        return domain if moved else self.origin

    def routes(self, *, stage: int) -> Iterator[Route]:
        """Every public route and the host that owns it at this stage, domains first, in the plan's order."""
        for name, domain in self.domains.items():
            for path, methods in domain.routes.items():
                yield Route(path=path, domain=name, host=self.host_of(name, stage=stage), methods=methods)
        for name, host in self.hosts.items():
            for path, methods in host.routes.items():
                yield Route(path=path, domain=None, host=name, methods=methods)


def path_regex(path: str) -> str:
    """A path template as an anchored regular expression: `{x}` is one path part, `/**` all below."""
    base, below = (path[:-3], "(/.*)?") if path.endswith("/**") else (path, "")
    parts = re.split(r"(\{[a-z_]+\})", base)
    pattern = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts)
    return f"^{pattern}{below}$"
