"""A folder of Consul's, watched: what has changed, and from where on the next look waits."""

from typing import Any

import pytest
import requests

from strangler.chassis import consul
from strangler.chassis.watching import Folder


class Answer:
    def __init__(self, status: int, index: int, entries: Any = None) -> None:
        self.status_code, self.headers, self.entries = status, {"X-Consul-Index": str(index)}, entries

    def json(self) -> Any:
        if self.entries is None:
            raise ValueError("no JSON")
        return self.entries

    def raise_for_status(self) -> None:
        raise requests.HTTPError


@pytest.fixture
def folder() -> Folder:
    return Folder("config/host/")


@pytest.fixture
def ask(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Looks, is answered so, and gives what was asked and what has changed."""

    def ask(answer: Answer) -> tuple[str, Any]:
        asked: dict[str, str] = {}

        def answered(method: str, url: str, *, timeout: Any, params: dict[str, str] | None = None) -> Answer:
            asked.update(params or {}, url=url)
            return answer

        monkeypatch.setattr(consul, "ask", answered)
        changed = folder.changed("http://consul")
        assert asked["url"] == "http://consul/v1/kv/config/host/"
        return asked["index"], changed

    return ask


def test_the_next_look_waits_for_what_comes_after(ask: Any) -> None:
    assert ask(Answer(200, 5, ["a"])) == ("0", ["a"])
    assert ask(Answer(200, 5, ["a"])) == ("5", None)
    assert ask(Answer(404, 6)) == ("5", [])
    assert ask(Answer(200, 7, ["b"])) == ("6", ["b"])


def test_an_index_that_went_back_is_not_waited_for(ask: Any) -> None:
    ask(Answer(200, 5, ["a"]))
    assert ask(Answer(200, 3, ["b"])) == ("5", ["b"])
    assert ask(Answer(200, 3, ["b"])) == ("0", ["b"])


def test_what_could_not_be_read_is_asked_again(ask: Any, folder: Folder) -> None:
    ask(Answer(200, 5, ["a"]))
    with pytest.raises(ValueError, match="no JSON"):
        ask(Answer(200, 6))
    with pytest.raises(requests.HTTPError):
        ask(Answer(500, 6))
    assert folder.index == 5
