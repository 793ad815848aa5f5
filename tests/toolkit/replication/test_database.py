"""The toolkit's sessions are as the toolkit needs them, whatever the database or the role is set to."""

from dataclasses import replace

import pytest
from psycopg.conninfo import make_conninfo

from strangler.toolkit.replication.errors import NotSuperuser
from strangler.toolkit.replication.pair import Pair
from tests.toolkit.replication.conftest import run

TIMEOUTS = (
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "lock_timeout",
    "statement_timeout",
)


@pytest.mark.parametrize("parameters", [{}, {"replication": "database"}], ids=["usual", "replication"])
@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_nothing_ends_a_session_but_the_toolkit(pair: Pair, timeout: str, parameters: dict[str, str]) -> None:
    run(pair.source, f"ALTER DATABASE old SET {timeout} = '1h'")
    with pair.source.connect(**parameters) as connection:
        assert connection.execute(f"SHOW {timeout}").fetchall() == [{timeout: "0"}]


def test_role_that_is_no_superuser_is_refused_at_once(pair: Pair) -> None:
    run(pair.source, "CREATE ROLE plain LOGIN")
    try:
        plain = replace(pair.source, url=make_conninfo(pair.source.url, user="plain"))
        with pytest.raises(NotSuperuser, match="plain is no superuser of the server of old"):
            plain.connect()
    finally:
        run(pair.source, "DROP ROLE plain")
