"""A catalogue host with a defect is found out before it owns anything, and everything goes back by itself.

The shop's customers are what shows it: a defect of one answer in twenty fails a few of a canary's requests,
which is what a canary is for, and no other request fails.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from strangler.toolkit.consul import KeyValues
from strangler.toolkit.gateway import splits
from strangler.toolkit.stack import Stack
from tests.faults.processes import answers, new_orders
from tests.ports import wait_for
from tests.stacks import running, strangler
from tests.traffic.process import Traffic

WENT_BACK = 3
MIGRATION_SECONDS = 600
# As many answers of each host as show one failure in twenty for more than chance.
QUICK = ("--shadow-seconds", "8", "--windows", "30,50", "--window-seconds", "15", "--sample", "250")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Stage 2, fresh from the seeds."""
    with running(2) as stack:
        yield stack


@pytest.fixture(scope="module")
def traffic(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traffic]:
    directory: Path = tmp_path_factory.mktemp("traffic")
    traffic = Traffic(directory=directory, host=stack.url, users=25, spawn_rate=25)
    try:
        traffic.start()
        wait_for(lambda: new_orders(traffic), seconds=60)
        yield traffic
    finally:
        traffic.kill()


@pytest.mark.parametrize(
    ("defect", "said", "tolerated"),
    [
        ("price", r"answers? of .*catalog differ", set()),
        ("errors", r"\d+ errors in \d+ answers", {"browse", "search", "product", "categories"}),
        ("slow", r"p\d+ \d+ ms, against \d+ ms", set()),
    ],
)
def test_defect_is_caught_and_everything_goes_back(
    defect: str, said: str, tolerated: set[str], stack: Stack, traffic: Traffic
) -> None:
    traffic.calls.read()
    seen = len(traffic.calls.calls)

    try:
        shown = strangler(
            stack,
            *("migrate", "--to", "3", *QUICK),
            status=WENT_BACK,
            seconds=MIGRATION_SECONDS,
            environment={"CATALOG_SETTINGS": f"tests.faults.planted.{defect}"},
        )
        split = splits.stored(KeyValues(f"http://{stack.address('consul', 8500)}")).get("catalog")
    finally:
        strangler(stack, "rollback", "--abort", seconds=MIGRATION_SECONDS)

    assert re.search(said, shown), shown
    assert split is None or split.weights == {"monolith": 100}
    traffic.check_running()
    traffic.calls.read()
    calls = traffic.calls.calls[seen:]
    failed = {call.name for call in calls if call.outcome == "failed"}
    assert failed <= tolerated
    assert bool(failed) == bool(tolerated), "no customer met the defect"
    # A payment provider that stands still for two seconds is honestly away. No defect does that.
    away = [call.detail for call in calls if call.outcome == "unavailable"]
    assert len(away) <= len(calls) / 100, away
    assert answers(stack)
