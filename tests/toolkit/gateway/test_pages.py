"""The gateway's own pages, on connections that go on after a body that they have no use for."""

import pytest

from strangler.gateway.pages import Pages
from tests.chassis.test_bodies import BY_LENGTH, CHUNKED, TWO_REQUESTS, said, served


@pytest.mark.parametrize("body", [CHUNKED, BY_LENGTH], ids=["chunked", "by length"])
def test_the_next_request_on_the_connection_is_understood(body: bytes) -> None:
    with served(Pages) as server:
        answer = said(server, TWO_REQUESTS % body)

    assert answer.count(b"HTTP/1.1 ") == 2
    assert b" 400 " not in answer
