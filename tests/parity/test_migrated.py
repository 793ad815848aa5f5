"""Stage 0 against a stack that was moved, not started empty: equal in the soak, and when taken back."""

import pytest

from strangler.toolkit.parity.run import compare
from strangler.toolkit.parity.text import reported
from strangler.toolkit.stack import Stack
from tests import parity
from tests.stacks import running, strangler

MIGRATION_SECONDS = 240
# Nobody shops while it moves.
QUICK = ("--accept-inconclusive", "--shadow-seconds", "0", "--windows", "100", "--window-seconds", "1")
TO_STAGE_3 = (
    ("migrate", "--to", "2", *QUICK),
    ("contract", "--yes"),
    ("migrate", "--to", "3", *QUICK),
)
# Those that read what another domain owns, and change it.
BACK_AGAIN = ("manage products", "browse", "seeded", "buy", "sold out", "withdrawn")
SEQUENCES = 4


def differences(reference: Stack, moved: Stack, run: str, journeys: tuple[str, ...] | None = None) -> str:
    report = compare(
        parity,
        reference=reference.url,
        candidate=moved.url,
        run=run,
        sequences=SEQUENCES,
        seed=1,
        journeys=journeys,
    )
    return "\n".join(reported(finding) for finding in report.findings())


@pytest.mark.timeout(900)
def test_no_step_changes_an_answer() -> None:
    with running(0) as reference, running(1) as moved:
        for command in TO_STAGE_3:
            strangler(moved, *command, seconds=MIGRATION_SECONDS)
        assert not (found := differences(reference, moved, "soak")), found

        strangler(moved, "rollback", seconds=MIGRATION_SECONDS)
        assert not (found := differences(reference, moved, "back", BACK_AGAIN)), found
