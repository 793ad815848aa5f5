"""What `status` and `verify` find out about a step."""

from dataclasses import asdict
from typing import Any

from strangler.toolkit.gateway import splits
from strangler.toolkit.replication import checksums, constraints, links, ownership, sequences
from strangler.toolkit.replication.errors import ReplicationError
from strangler.toolkit.replication.links import Health
from strangler.toolkit.step import counters, routing
from strangler.toolkit.step import state as states
from strangler.toolkit.step.step import Step


def overview(step: Step) -> dict[str, Any]:
    """Phase, owner, lag, weights, mismatches: everything that `status` shows."""
    pair, state = step.pair, step.state
    found = counters.total(step)
    split = splits.stored(step.store).get(step.domain) if routing.behind_gateway(step) else None
    rows = {database.host: ownership.ownership(database, step.domain) for database in pair.both()}
    return {
        "domain": state.domain,
        "stage": state.stage,
        "from": state.source,
        "to": state.target,
        "phase": state.phase or "none",
        "done": state.done,
        "undoing": state.undoing,
        "effect": state.effect,
        "since": state.since,
        "owner": step.owner() if state.phase != "contract" else state.target,
        "epoch": step.epoch(),
        "ownership": {host: asdict(row) if row else None for host, row in rows.items()},
        "forward": _health(links.health(pair.forward)),
        "back": _health(links.health(pair.back)),
        "reads": split.weights if split else None,
        "writes_to": split.writes_to if split else None,
        "shadow": asdict(found),
        "dropped_constraints": constraints.remembered(pair.source, step.domain),
        "figures": state.figures,
    }


def lines(shown: dict[str, Any]) -> dict[str, str]:
    """An overview for people: what they look for first comes first."""
    link = shown["back"] if shown["owner"] == shown["to"] else shown["forward"]
    follower = shown["from"] if shown["owner"] == shown["to"] else shown["to"]
    where = "done" if shown["done"] else f"{'undoing, ' if shown['undoing'] else ''}at {shown['effect']}"
    found = {
        "step": f"{shown['domain']}: {shown['from']} → {shown['to']}, stage {shown['stage']}",
        "phase": f"{shown['phase']}, {where}, since {shown['since']}",
        "owner": f"{shown['owner']}, epoch {shown['epoch']}",
    }
    if link is not None:
        following = "follows" if link["follows"] else "STANDS STILL"
        failed = f", {link['errors']} changes failed to apply" if link["errors"] else ""
        found["follower"] = f"{follower} {following}, {link['lag'] or 0:,} bytes behind{failed}"
    if shown["reads"]:
        reads = ", ".join(f"{host} {share} %" for host, share in shown["reads"].items())
        found["requests"] = f"reads: {reads}; writes: {shown['writes_to']}"
    if (shadow := shown["shadow"])["compared"] or shadow["stale"]:
        differ = f"{shadow['mismatched']} differ{': ' + shadow['example'] if shadow['example'] else ''}"
        found["answers"] = f"{shadow['compared']} compared, {differ}; {shadow['stale']} stale"
    if pause := shown["figures"].get("cutover", {}).get("pause_ms"):
        found["pause"] = f"writers waited {pause} ms in the last cutover"
    return found


def verify(step: Step) -> list[str]:
    """Everything that is not as it must be where the step stands now; nothing if all is well."""
    problems: list[str] = []
    owner = step.owner()
    link, other = (
        (step.pair.forward, step.pair.back)
        if owner == step.state.source
        else (step.pair.back, step.pair.forward)
    )
    problems += _rows_disagree(step)
    if not step.state.reached("expand"):
        return [
            *problems,
            f"{step.domain} is not copied yet: the step stands in {step.state.phase or 'none'}",
        ]
    try:
        links.catch_up(link, seconds=checksums.CATCH_UP_SECONDS)
        differing = checksums.compare(step.pair, link).differing
        problems += [f"differs: {table}, the row with the key {key}" for table, key in differing]
    except ReplicationError as error:
        problems.append(str(error))
    if (leftover := links.health(other)).slot or leftover.subscribed:
        problems.append(f"{other.name} is left over from an interrupted command; run the command again")
    with step.pair.source.session() as source, step.pair.target.session() as target:
        mine, theirs = (source, target) if owner == step.state.source else (target, source)
        problems += [
            f"the sequence of {column} is behind the other side's"
            for column in sequences.behind(mine, theirs, step.pair.tables)
        ]
    return problems


def _rows_disagree(step: Step) -> list[str]:
    rows = [ownership.ownership(database, step.domain) for database in step.pair.both()]
    told = states.told(step.store, step.domain)
    problems = []
    if None in rows:
        problems.append("a database has no ownership row of the domain")
    elif len({(row.owner, row.epoch) for row in rows if row}) > 1:
        problems.append("the databases disagree about the owner; run the command again")
    elif told and rows[0] and (told.owner, told.epoch) != (rows[0].owner, rows[0].epoch):
        problems.append(f"Consul says {told.owner}, epoch {told.epoch}; the databases {rows[0].owner}")
    return problems


def _health(health: Health) -> dict[str, Any] | None:
    if not health.slot and not health.subscribed:
        return None
    return {**asdict(health), "follows": health.follows}
