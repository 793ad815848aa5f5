"""What the hosts' processes counted of compared answers (`strangler.shadow` in their databases)."""

from dataclasses import dataclass

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import rows, schema_exists
from strangler.toolkit.step.step import Step


@dataclass(frozen=True)
class Total:
    """Of all methods. `stale` were not compared: the peer was behind what the owner had read."""

    compared: int = 0
    matched: int = 0
    mismatched: int = 0
    stale: int = 0
    failed: int = 0
    example: str = ""


def total(step: Step) -> Total:
    """All that was counted since the shadow phase began."""
    sums = dict.fromkeys(("compared", "matched", "mismatched", "stale", "failed"), 0)
    example = ""
    for database in step.pair.both():
        with database.session() as connection:
            if not schema_exists(connection):
                continue
            for row in rows(connection, statements.COUNTERS, [step.domain]):
                for name in sums:
                    sums[name] += row[name]
                if row["last_mismatch"]:
                    example = f"{row['method']}: {row['last_mismatch']}"
    return Total(**sums, example=example)


def clear(step: Step) -> None:
    """Begin to count anew."""
    for database in step.pair.both():
        with database.session() as connection:
            if schema_exists(connection):
                connection.execute(statements.CLEAR_COUNTERS, [step.domain])
