"""The active comparison: both hosts are asked over RPC for every row that the contract gives by id."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from psycopg import sql

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ports import Method, Port
from strangler.chassis.rpc.client import Client
from strangler.toolkit.contracts.schemas import contract_module
from strangler.toolkit.plan.inspection import InspectionFailed, inspect_host
from strangler.toolkit.replication import links, statements
from strangler.toolkit.replication.database import composed, rows, table
from strangler.toolkit.replication.errors import NotHealthy
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.step import Step

BATCH = 100
TRIES = 4
CATCH_UP_SECONDS = 20.0
ANSWER_SECONDS = 20.0


@dataclass
class Swept:
    """`differing` names rows and how they differ; `left_out` says what could not be compared and why."""

    compared: int = 0
    differing: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def sweep(step: Step) -> Swept:
    """Compare everything; differences are looked at again, and count only where the row stood still."""
    found = Swept()
    port = _port(step)
    if port is None or not port.resolves:
        found.left_out.append(f"the contract of {step.domain} gives no rows by id (`resolves`): not swept")
        return found
    if not step.places.broker:
        found.left_out.append("BROKER_URL is not known: the hosts were not asked for every row")
        return found
    client = Client(step.places.broker, caller="strangler")
    try:
        for model, name in port.resolves.items():
            _model(step, client, port.methods[name], model, found)
    finally:
        client.close()
    return found


def _model(step: Step, client: Client, method: Method, model: str, found: Swept) -> None:
    try:
        name = table_of(step, model)
    except (InspectionFailed, LookupError) as error:
        found.left_out.append(f"{model} is not swept: {error}")
        return
    for ids in _batches(step, name):
        differing = ids
        after: dict[Any, Any] = {}
        for attempt in range(TRIES):
            here = _asked(client, step.state.source, step.domain, method, differing)
            try:
                links.catch_up(step.pair.forward, seconds=CATCH_UP_SECONDS)
            except NotHealthy as error:
                found.left_out.append(f"{model}: {error}")
                return
            there = _asked(client, step.state.target, step.domain, method, differing)
            differing = [i for i in differing if here.get(i) != there.get(i)]
            if not differing:
                break
            after = _asked(client, step.state.source, step.domain, method, differing)
            differing = [i for i in differing if after.get(i) != there.get(i)]
            time.sleep(0.05 * attempt)
        # What changed while the other host was asked says nothing about that host.
        restless = [i for i in differing if here.get(i) != after.get(i)]
        found.compared += len(ids) - len(restless)
        found.differing += [
            f"{model} {i}: {_shown(here.get(i))} here, {_shown(there.get(i))} there"
            for i in differing
            if i not in restless
        ]
        if restless:
            found.left_out.append(f"{model}: {len(restless)} rows changed whenever they were looked at")


def table_of(step: Step, model: str) -> str:
    """The table of a model of the domain: as Django names it, or as the source's settings say. Raises
    InspectionFailed, or LookupError where it does not move."""
    name = f"{step.domain}_{model.lower()}"
    if name not in step.pair.tables:
        settings = step.plan.hosts[step.state.source].settings
        known = inspect_host(settings, root=step.root, sources=step.plan.sources)
        models = {n: t for app in known.apps if app.label == step.domain for n, t in app.models.items()}
        name = models.get(model, name)
    if name not in step.pair.tables:
        raise LookupError(f"its table {name} is not in the plan")
    return name


def _asked(client: Client, host: str, domain: str, method: Method, ids: Sequence[Any]) -> dict[Any, Any]:
    """A host's own answer. Its rpc process may only just be starting: so it is given some time."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            answer: dict[Any, Any] = client.shadow(host, domain, method, {"ids": list(ids)})
        except DomainUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return answer


def _batches(step: Step, name: str) -> Iterator[list[Any]]:
    with step.pair.source.session() as connection:
        (key,) = rows(connection, statements.PRIMARY_KEYS, [[name]])
        column = sql.Identifier(key["columns"][0])
        statement = composed(statements.KEYS, column=column, table=table(name))
        ids = [next(iter(row.values())) for row in connection.execute(statement)]
    for first in range(0, len(ids), BATCH):
        yield ids[first : first + BATCH]


def _port(step: Step) -> type[Port] | None:
    try:
        module = contract_module(step.plan, step.domain, root=step.root)
    except ImportError as error:
        raise StepError(
            f"The contract of {step.domain} cannot be imported: {error}. Correct it or the plan, or install "
            "what it needs, and run this command again."
        ) from error
    ports: Callable[[Any], bool] = lambda v: isinstance(v, Port) and v.domain == step.domain  # noqa: E731
    return next((type(value) for value in vars(module).values() if ports(value)), None)


def _shown(answer: Any) -> str:
    return "nothing" if answer is None else msgspec.json.encode(answer).decode()[:200]
