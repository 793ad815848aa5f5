"""The toolkit's sessions are as the toolkit needs them, whatever the database or the role is set to."""

import pytest

from strangler.toolkit.replication.pair import Pair

TIMEOUTS = (
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "lock_timeout",
    "statement_timeout",
)


@pytest.mark.parametrize("parameters", [{}, {"replication": "database"}], ids=["usual", "replication"])
@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_nothing_ends_a_session_but_the_toolkit(pair: Pair, timeout: str, parameters: dict[str, str]) -> None:
    pair.source.run(f"ALTER DATABASE old SET {timeout} = '1h'")
    with pair.source.connect(**parameters) as connection:
        assert connection.execute(f"SHOW {timeout}").fetchall() == [{timeout: "0"}]
