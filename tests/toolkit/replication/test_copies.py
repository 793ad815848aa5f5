"""What the target's tables hold is looked at before a copy replaces it, and no more than that."""

import pytest

from strangler.toolkit.replication import copies, database
from strangler.toolkit.replication.errors import NotReady
from strangler.toolkit.replication.pair import Pair
from tests.toolkit.replication.conftest import client, in_both, run


def test_source_is_not_read_for_a_target_that_is_empty(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(database.SETTINGS, "lock_timeout", 100)
    in_both(pair, "CREATE TABLE thing (id int PRIMARY KEY)")
    with client(pair.source) as other, other.transaction():
        other.execute("INSERT INTO thing VALUES (1)")
        other.execute("LOCK thing")
        copies.check(pair)
    run(pair.target, "INSERT INTO thing VALUES (1), (2)")
    with pytest.raises(NotReady, match="new has rows that old does not have: 1 of thing"):
        copies.check(pair)
