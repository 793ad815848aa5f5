"""The document of the whole API is made of what each host says of itself, once, and is asked now and then."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from rest_framework.test import APIRequestFactory

from strangler.chassis import instances, whole_document
from strangler.chassis.whole_document import Rendered, WholeDocument, own_document
from tests.parity.tiny import served
from tests.ports import wait_for

HOST = "garden"


class Garden:
    """Another host, with a route of its own."""

    def __init__(self) -> None:
        self.away = False
        self.asked = 0
        self.path = "/api/beds"
        self.open = threading.Event()
        self.open.set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.asked += 1
        self.open.wait(60)
        start_response("503 Away" if self.away else "200 OK", [("Content-Type", "application/json")])
        described = {"paths": {self.path: {}}, "components": {"schemas": {"Bed": {}}}}
        return [json.dumps(described).encode()]


@pytest.fixture
def garden(monkeypatch: pytest.MonkeyPatch) -> Iterator[Garden]:
    """What was known of hosts and when they were asked is this test's own."""
    garden = Garden()
    monkeypatch.setattr(WholeDocument, "known", {})
    monkeypatch.setattr(WholeDocument, "asked", {})
    monkeypatch.setattr(WholeDocument, "made", ([], {}))
    with served(garden) as url:
        monkeypatch.setitem(instances._known, HOST, (0.0, [url.removeprefix("http://")]))
        yield garden
        garden.open.set()


def whole(**query: str) -> dict[str, Any]:
    answer = WholeDocument.as_view(hosts=[HOST])(APIRequestFactory().get("/api/schema/", query))
    assert answer.status_code == 200
    document: dict[str, Any] = json.loads(answer.render().content)
    return document


def test_a_host_describes_itself_once(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    make: Any = SchemaGenerator.get_schema

    def counted(*arguments: Any, **options: Any) -> Any:
        made.append(options)
        return make(*arguments, **options)

    monkeypatch.setattr(SchemaGenerator, "get_schema", counted)
    own_document.cache_clear()

    documents = [whole(), whole(), whole(version="7")]

    assert documents[0] == documents[1] == documents[2]
    assert {"/api/beds", "/api/products"} <= set(documents[0]["paths"])
    assert "/api/beds" not in own_document()["paths"]
    assert len(made) == 1


def test_a_document_that_stays_the_same_is_rendered_once(
    garden: Garden, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[Any] = []
    render: Any = OpenApiJsonRenderer.render

    def counted(*arguments: Any) -> Any:
        rendered.append(arguments)
        return render(*arguments)

    def ask(accept: str = "application/json", method: str = "get") -> Any:
        request = getattr(APIRequestFactory(), method)("/api/schema/", headers={"accept": accept})
        return WholeDocument.as_view(hosts=[HOST])(request).render()

    monkeypatch.setattr(OpenApiJsonRenderer, "render", counted)
    monkeypatch.setattr(Rendered, "kept", {})
    monkeypatch.setattr(whole_document, "FRESH_SECONDS", 0.0)

    first, again, other = ask(), ask(), ask("application/vnd.oai.openapi+json")
    assert (first.content, len(rendered)) == (again.content, 1) == (other.content, 1)
    assert other["Content-Type"] == "application/vnd.oai.openapi+json"

    narrow = ask("application/json; indent=1")
    assert (len(narrow.content) < len(first.content), narrow.data) == (True, first.data)
    refused = ask(method="delete")
    assert (refused.status_code, ask().content, len(rendered)) == (405, first.content, 3)

    garden.path = "/api/trees"
    assert b"/api/trees" in ask().content
    assert b"/api/trees" in ask("application/json; indent=1").content


def test_the_others_are_asked_every_few_seconds(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    assert whole() == whole()
    assert garden.asked == 1
    monkeypatch.setattr(whole_document, "FRESH_SECONDS", 0.0)
    whole()
    assert garden.asked == 2


@pytest.fixture
def first(garden: Garden) -> Iterator["Future[dict[str, Any]]"]:
    """Of this process's readers, who waits for a host's first answer."""
    garden.open.clear()
    with ThreadPoolExecutor(1) as readers:
        first = readers.submit(whole)
        wait_for(lambda: garden.asked == 1)
        yield first
        garden.open.set()


def test_who_comes_while_a_host_is_asked_for_the_first_time_waits_for_it(
    garden: Garden, first: "Future[dict[str, Any]]"
) -> None:
    with ThreadPoolExecutor(1) as readers:
        second = readers.submit(whole)
        done, _ = wait([second], timeout=0.3)
        garden.open.set()
        assert second.result(60) == first.result(60)
    assert not done
    assert "x-missing" not in first.result()["info"]
    assert garden.asked == 1


def test_nobody_waits_for_long_nor_for_a_host_that_is_known(
    garden: Garden, first: "Future[dict[str, Any]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_document, "WAIT_SECONDS", 0.05)
    assert whole()["info"]["x-missing"] == [HOST]
    monkeypatch.setattr(whole_document, "WAIT_SECONDS", 60.0)
    WholeDocument.known[HOST] = {"paths": {"/api/before": {}}}
    assert "/api/before" in whole()["paths"]
    assert not first.done()


def test_a_host_that_is_away_is_as_it_was_or_named(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    garden.away = True
    assert [whole()["info"]["x-missing"] for _ in range(3)] == [[HOST]] * 3
    assert garden.asked == 1
    assert "x-missing" not in own_document()["info"]
    monkeypatch.setattr(whole_document, "FRESH_SECONDS", 0.0)
    garden.away = False
    known = whole()
    assert "x-missing" not in known["info"]
    garden.away = True
    assert whole() == known
