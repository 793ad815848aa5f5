"""A slot that cannot be created is said to wait for others only where it does."""

from dataclasses import replace

import pytest

from strangler.toolkit.replication import links
from strangler.toolkit.replication.backfill import exported_snapshot
from strangler.toolkit.replication.errors import Busy, ReplicationError
from strangler.toolkit.replication.pair import Pair


def test_slot_that_waits_too_long_is_given_up(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "SLOT_SECONDS", 0.2)
    with pair.source.session() as other, other.transaction():
        other.execute("SELECT pg_current_xact_id()")
        with (
            pytest.raises(Busy, match="waits for the transactions under way"),
            exported_snapshot(pair.forward),
        ):
            pass


def test_slot_is_not_said_to_wait_for_another_reason(pair: Pair) -> None:
    """Whatever words the server's message has: a domain's name is one of them."""
    link = replace(pair, domain="cancellations").forward
    links.create_slot(link)
    try:
        with pytest.raises(ReplicationError, match="could not be created") as raised, exported_snapshot(link):
            pass
        assert not isinstance(raised.value, Busy)
    finally:
        links.drop_slot(link)
