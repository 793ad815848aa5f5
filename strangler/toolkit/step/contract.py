"""Contract: the point of no return. The source gives the domain up: its code, its tables, its way back."""

import time
from contextlib import ExitStack

from psycopg import sql

from strangler.chassis.discovery import is_member
from strangler.toolkit.replication import constraints, links, ownership, statements
from strangler.toolkit.replication.database import run, table, tables, value
from strangler.toolkit.replication.pair import CLAIMS
from strangler.toolkit.step import hosts, lock, routing, rows, way_back
from strangler.toolkit.step.effects import Effect, note
from strangler.toolkit.step.effects import table as effects
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.expand import unpublish_tables
from strangler.toolkit.step.queues import forget_source, source_takes_calls
from strangler.toolkit.step.soak import check_way_back
from strangler.toolkit.step.step import Step

RESTART_SECONDS = 10.0
"""How long Consul and the broker may take to notice that a process has ended."""
POLL_SECONDS = 0.2


def check_before(step: Step) -> None:
    """Whatever else moves in the stage has moved, for the source is restarted without all of it; it can be
    restarted, and its tables dropped; and both sides agree, for the last time. Looked at before the phase
    begins, so that what is refused can be taken back; the sides not any more where the phase has ended the
    way back itself."""
    check_siblings(step)
    hosts.check_finish(step)
    if step.options.restarted:
        see_restarted(step)
    check_dependents(step)
    if has_ended_way_back(step):
        return
    check_way_back(step)
    if way_back.given_up(step):
        return
    if found := rows.differing(step, step.pair.back, "soak"):
        raise StepError(f"{found} Nothing was given up.")


def check_siblings(step: Step) -> None:
    """Raise StepError unless all that moves in the stage has moved."""
    late = [domain for domain, state in step.siblings().items() if not (state and state.reached("soak"))]
    if late:
        raise StepError(
            f"{step.state.source} is restarted without all that moves at stage {step.state.stage}, and "
            f"{', '.join(late)} has not moved yet. Carry it on first: `./run strangler migrate --to "
            f"{step.state.stage}`."
        )


def check_dependents(step: Step) -> None:
    """Raise StepError where something in the source's database needs the tables and is not dropped with
    them."""
    source = step.pair.source
    if found := source.rows(statements.DEPENDENTS, [list(step.pair.tables)]):
        raise StepError(
            f"The tables of {step.domain} in {source.host} cannot be dropped while something there needs "
            f"them: {', '.join(row['what'] for row in found)}. Drop that, or make it do without them, and "
            "run this command again."
        )


def begin_contract(step: Step) -> None:
    """Say that the contract has begun, which keeps the others of the stage from going back, at a moment when
    no command is at work on them: since the first look one may have gone back, or have begun to."""
    with ExitStack() as held:
        for domain in step.siblings():
            held.enter_context(lock.held(step.store, domain, command="contract"))
        check_siblings(step)
        note(step, "contract", CONTRACT[0])


def has_ended_way_back(step: Step) -> bool:
    """Whether the phase is past its REVERSIBLE effects, or was once: it begins anew when it goes on, and the
    subscription is what it takes away first."""
    state = step.state
    return state.phase == "contract" and (
        state.effect not in REVERSIBLE or links.subscription(step.pair.back) is None
    )


def restart_hosts(step: Step) -> None:
    """The source runs without the domain; until then its tables stay fresh."""
    hosts.finish(step)


def see_restarted(step: Step) -> None:
    """Raise StepError where a process of the source still runs with the domain: its pages and answers would
    be errors from the moment when the tables are gone."""
    ends = time.monotonic() + RESTART_SECONDS
    while found := _running_with(step):
        if time.monotonic() > ends:
            raise StepError(
                f"{step.state.source} still runs with {step.domain}: {', '.join(found)}. End or restart that "
                "process without it, and run this command again. Nothing was given up."
            )
        time.sleep(POLL_SECONDS)


def _running_with(step: Step) -> list[str]:
    source, domain = step.state.source, step.domain
    instances = step.store.instances(source).items()
    found = [f"{instance}, as Consul says" for instance, tags in instances if is_member(tags, source, domain)]
    if source_takes_calls(step):
        found.append("an rpc process that takes calls of it, as the broker says")
    return found


def end_way_back(step: Step) -> None:
    """From here on there is no rollback."""
    links.drop(step.pair.back)
    links.drop(step.pair.forward)


def drop_tables(step: Step) -> None:
    """The source's copies of the tables go, its claims, and what Django remembers of their migrations: under
    the app's label, which is the domain's name whatever its package is called. Nothing else goes along."""
    check_dependents(step)
    with step.pair.source.session() as connection:
        run(connection, statements.DROP_TABLES, tables=tables(step.pair.tables))
        if value(connection, statements.HAS_COLUMN, [CLAIMS, "domain"]):
            domain = sql.Literal(step.domain)
            run(connection, statements.EMPTY_CLAIMS, table=table(CLAIMS), domain=domain)
        if value(connection, statements.HAS_COLUMN, ["django_migrations", "app"]):
            connection.execute(statements.FORGET_MIGRATIONS, [step.domain])


def unfence(step: Step) -> None:
    """A write costs what it did before the step."""
    ownership.unfence(step.pair.target, step.pair.tables)


def route_for_good(step: Step) -> None:
    """The routes of the new stage, without a split."""
    step.tell()
    routing.all_new(step)


def forget_owners(step: Step) -> None:
    """The source knows of no owner any more. The target says for good that it owns the domain."""
    for database in step.pair.both():
        constraints.give_up(database, step.domain)
    ownership.forget(step.pair.source, step.domain)
    ownership.settle(step.pair.target, step.domain)


CONTRACT: tuple[Effect, ...] = effects(
    restart_hosts,
    see_restarted,
    route_for_good,
    end_way_back,
    unpublish_tables,
    drop_tables,
    unfence,
    forget_owners,
    forget_source,
)
REVERSIBLE = ("restart_hosts", "see_restarted", "route_for_good")
"""While one of these was begun last, the way back is there."""
