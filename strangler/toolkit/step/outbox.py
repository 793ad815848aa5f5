"""What the target has said while it owned the domain: it is not in the domain's tables, and goes nowhere any
more once the target's relay has ended."""

import time

from strangler.toolkit.replication import statements
from strangler.toolkit.replication.database import value
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.step import Step

POLL_SECONDS = 0.1


def empty_outbox(step: Step) -> None:
    """The broker has every event of the target, which is ended next; raises StepError if not in time."""
    deadline = time.monotonic() + step.options.patience
    while waiting := _unpublished(step):
        if time.monotonic() > deadline:
            host = step.state.target
            raise StepError(
                f"The outbox of {host} holds events ({waiting}) that the broker has not got, and without "
                f"{host} never would. Its processes are left running, all else is taken back. See that the "
                f"broker answers and a relay of {host} runs (`python -m strangler.chassis.events.relay`), "
                "and run this command again."
            )
        time.sleep(POLL_SECONDS)


def _unpublished(step: Step) -> int:
    with step.pair.target.session() as connection:
        if not value(connection, statements.HAS_COLUMN, ["events_outbox", "published_at"]):
            return 0
        return int(value(connection, statements.UNPUBLISHED))
