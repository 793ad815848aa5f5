"""Where everything is: options, then environment, then the plan's native stack, if one runs."""

from dataclasses import dataclass
from pathlib import Path

from strangler.toolkit.consul import KeyValues
from strangler.toolkit.options import stack_of_plan
from strangler.toolkit.replication.database import Database, database_in, database_of
from strangler.toolkit.stack import Stack
from strangler.toolkit.step.errors import StepError


@dataclass(frozen=True)
class Places:
    """Addresses. `broker` and `traefik` may be empty: then what needs them is left out or refused, and said
    so."""

    postgres: str
    consul: str
    broker: str = ""
    traefik: str = ""
    stack: Stack | None = None

    def database(self, host: str) -> Database:
        """A host's database, wherever that is."""
        return database_of(host, self.postgres)

    @property
    def store(self) -> KeyValues:
        return KeyValues(self.consul)


def find(*, plan: Path, postgres: str, consul: str, broker: str, traefik: str) -> Places:
    """Fill in from the plan's running stack what was not said; raises StepError for what is needed and
    unknown."""
    stack = stack_of_plan(plan)
    if stack is not None:
        postgres = postgres or stack.environment("provision")["POSTGRES_URL"]
        consul = consul or f"http://{stack.address('consul', 8500)}"
        broker = broker or stack.environment("worker").get("BROKER_URL", "")
        traefik = traefik or f"http://{stack.address('traefik', 8081)}"
    for name, found, what in (
        ("POSTGRES_URL", postgres, "a superuser's URL of the database server"),
        ("CONSUL_URL", consul, "Consul's address"),
    ):
        if not found:
            raise StepError(
                f"{name} is not known: set it to {what}. (For this repository's own plan it is found by "
                "itself while a stage runs here: `./run up --stage 1`.)"
            )
    database_in(postgres)
    return Places(postgres, consul.rstrip("/"), broker, traefik.rstrip("/"), stack)
