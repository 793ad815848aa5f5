"""Expand: the target gets the domain's rows and follows; nobody reads or writes there yet."""

from strangler.toolkit.replication import backfill as copying
from strangler.toolkit.replication import checks, constraints, copies, links, ownership, statements
from strangler.toolkit.step import hosts
from strangler.toolkit.step.effects import Effect, crash_point, table
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.outbox import empty_outbox
from strangler.toolkit.step.step import Step

CATCH_UP_SECONDS = 300.0
ADMIN_LOG = "django_admin_log"
"""Of no project's own app: when users move it keeps their numbers."""


def start_host(step: Step) -> None:
    """The target's processes run beside the source's. They own nothing, and know it."""
    hosts.start(step)


def check_databases(step: Step) -> None:
    """Both can do what the step needs, their tables agree, and the target's hold nothing of their own."""
    copies.check(step.pair)
    checks.ready(step.pair)
    _check_who_refers(step)
    for link in (step.pair.forward, step.pair.back):
        links.check_free(link)
    step.pair = step.pair.with_claims()
    step.state.tables = step.pair.tables
    needed = step.pair.source.rows(statements.DEPENDENTS, [list(step.pair.tables)])
    if found := [row["what"] for row in needed if not row["constraint"]]:
        step.screen.note(
            f"In {step.state.source} {', '.join(found)} will be in the way of `contract`, which drops the "
            "tables that it needs. It is to do without them until then."
        )


def _check_who_refers(step: Step) -> None:
    """Raise StepError where a table that no domain of the plan lists has a foreign key to one that moves."""
    tables = step.pair.tables
    listed = {ADMIN_LOG, *tables, *(name for one in step.plan.domains.values() for name in one.tables)}
    across = step.pair.source.rows(statements.ACROSS, {"tables": list(tables)})
    if found := [row for row in across if not (row["public"] and row["table"] in listed)]:
        told = "; ".join(f"{row['name']} of {row['quoted']}: {row['definition']}" for row in found)
        raise StepError(
            f"Tables of {step.state.source} that no domain of the plan lists refer to {step.domain}, and "
            f"nothing would keep them right once it moves: {told}. List their app as a domain, with a "
            "reference for each such key, or drop the constraint yourself."
        )


def create_schemas(step: Step) -> None:
    """The schema `strangler` in both."""
    for database in step.pair.both():
        ownership.create_schema(database, step.pair.tables)


def record_owner(step: Step) -> None:
    """Both say that the source owns the domain, since the same epoch."""
    known = ownership.ownership(step.pair.source, step.domain)
    epoch = known.epoch if known else step.epoch() + 1
    for database in (step.pair.target, step.pair.source):
        ownership.own(database, step.domain, owner=step.state.source, epoch=epoch)
        ownership.renew(database, step.domain, owner=step.state.source, epoch=epoch)
    step.tell()


def fence_tables(step: Step) -> None:
    """From here on the databases refuse who does not own."""
    for database in step.pair.both():
        ownership.fence(database, step.domain, step.pair.tables)


def release_constraints(step: Step) -> None:
    """Foreign keys across the domain's border are dropped, and remembered."""
    constraints.release(step.pair.source, step.domain, step.pair.tables)


def publish_tables(step: Step) -> None:
    """The source's publications."""
    pair = step.pair
    links.publish(pair.forward, published=pair.tables, claims=pair.claims, domain=pair.domain)


def backfill(step: Step) -> None:
    """Slot, snapshot and copy: all of it or none."""
    if step.state.figures.get("expand", {}).get("copied") and links.slot_exists(step.pair.forward):
        return
    links.unsubscribe(step.pair.forward)
    with step.screen.copying() as show:

        def watch(copied: copying.Copied) -> None:
            step.held.check()
            show(copied)
            crash_point("expand.part_of_backfill")

        copied = copying.backfill(
            step.pair, connections=step.options.connections, watch=watch, still=step.held.confirm
        )
    step.measured(
        "expand",
        copied=True,
        rows=copied.rows,
        bytes=copied.bytes,
        seconds=round(copied.seconds, 3),
        rows_per_second=round(copied.rate),
        tables=copied.tables,
    )
    step.screen.note(f"{copied.rows:,} rows in {copied.seconds:.1f} s, {copied.rate:,.0f} a second")


def follow(step: Step) -> None:
    """The subscription, from the snapshot's position on."""
    links.subscribe(step.pair.forward)
    links.enable(step.pair.forward)


def catch_up(step: Step) -> None:
    """Everything written since the snapshot has arrived."""
    seconds = links.catch_up(step.pair.forward, seconds=CATCH_UP_SECONDS)
    step.measured("expand", catch_up_seconds=round(seconds, 3))


EXPAND: tuple[Effect, ...] = table(
    start_host,
    check_databases,
    create_schemas,
    record_owner,
    fence_tables,
    release_constraints,
    publish_tables,
    backfill,
    follow,
    catch_up,
)


def end_following(step: Step) -> None:
    """No subscription, no slot, no login role."""
    links.drop(step.pair.forward)


def unpublish_tables(step: Step) -> None:
    """No publication on either side."""
    for database in step.pair.both():
        links.unpublish(database, step.pair.every_publication)


def restore_constraints(step: Step) -> None:
    """Foreign keys are back on the source."""
    broken = constraints.restore(step.pair.source, step.domain)
    for name in broken:
        step.screen.note(f"Not valid for rows that are there: {name}")
    step.measured("expand", copied=False, constraints_not_valid=broken)


def unfence_source(step: Step) -> None:
    """A write costs again what it did. The target stays fenced: what may run there owns nothing."""
    ownership.unfence(step.pair.source, step.pair.tables)


def forget_owner(step: Step) -> None:
    """The source's schema goes, with its last domain."""
    ownership.forget(step.pair.source, step.domain)


UNDO_EXPAND: tuple[Effect, ...] = table(
    end_following, unpublish_tables, restore_constraints, unfence_source, forget_owner, empty_outbox
)
