"""The harness itself, on a system small enough to know by heart."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st
from werkzeug.wrappers import Request, Response

from strangler.toolkit.parity import Answer, Finding, Journey
from strangler.toolkit.parity.comparison import Comparison
from strangler.toolkit.parity.generated import Exploration, explore
from strangler.toolkit.parity.journey import Both, both
from strangler.toolkit.parity.run import compare
from tests.parity.tiny import RULES, Plant, Proxy, in_json, make, notes, served

MOVES = st.one_of(
    st.tuples(st.just("make"), st.integers(0, 500)),
    st.tuples(st.just("make"), st.text(max_size=3)),
    st.tuples(st.just("read"), st.integers(0, 5)),
    st.tuples(st.just("list"), st.just(0)),
)


def replay(journey: Journey, sequence: list[Any]) -> None:
    made: list[Any] = []
    for kind, value in sequence:
        if kind == "make":
            note = make(journey, value)
            if journey.status(note) == 201:
                made.append(note)
        elif kind == "list":
            journey.call("GET", "/notes", query={"of": journey.name})
        else:
            journey.call("GET", f"/notes/{made[value % len(made)]['id']}" if made else "/notes/0")


SUITE: Any = SimpleNamespace(
    RULES=RULES,
    JOURNEYS={"notes": notes},
    sequences=lambda length: st.lists(MOVES, max_size=length),
    replay=replay,
)


def _rounded(request: Request, body: Any) -> None:
    if "price" in body:
        body["price"] = body["price"][:-1] + "0"


def _missing(request: Request, body: Any) -> None:
    body.pop("text", None)


def _code(request: Request, body: Any) -> None:
    if "error" in body:
        body["error"]["code"] = "missing"


def _detail(request: Request, body: Any) -> None:
    if "error" in body:
        body["error"]["detail"] = "No such thing."


def _reference(request: Request, body: Any) -> None:
    # The same note has another reference when it is read than when it was made.
    if request.method == "GET" and "reference" in body:
        body["reference"] = "n_000000000000"


def _swapped(request: Request, body: Any) -> None:
    if "notes" in body:
        body["notes"].reverse()


def _null(request: Request, body: Any) -> None:
    if "link" in body:
        body["link"] = None


def _number(request: Request, body: Any) -> None:
    if "price" in body:
        body["price"] = float(body["price"])


def _link(request: Request, body: Any) -> None:
    if "next" in body:
        body["next"] = body["next"].replace("page=2", "page=3")


def _time(request: Request, body: Any) -> None:
    if "created_at" in body:
        body["created_at"] = "1970" + body["created_at"][4:]


def _turned(request: Request, body: Any) -> None:
    # Each note keeps a time of these seconds, but not its own.
    notes = body.get("notes", [])
    for note, moment in zip(notes, [note["created_at"] for note in reversed(notes)], strict=True):
        note["created_at"] = moment


def _status(request: Request, response: Response) -> None:
    if response.status_code == 201:
        response.status_code = 200


def _header(request: Request, response: Response) -> None:
    response.headers["X-Debug"] = "1"


def _content_type(request: Request, response: Response) -> None:
    response.headers["Content-Type"] = "application/json; charset=utf-8"


# What is planted, where it shows, and the fewest calls that show it.
PLANTS: dict[str, tuple[Plant, str, int]] = {
    "price rounding": (in_json(_rounded), "body.price", 1),
    "missing field": (in_json(_missing), "body.text", 1),
    "error code": (in_json(_code), "body.error.code", 1),
    "error detail": (in_json(_detail), "body.error.detail", 1),
    "id reference": (in_json(_reference), "body.reference", 2),
    "list order": (in_json(_swapped), "body.notes.0.id", 3),
    "null for a value": (in_json(_null), "body.link", 1),
    "number for a string": (in_json(_number), "body.price", 1),
    "page link": (in_json(_link), "body.next", 1),
    "time": (in_json(_time), "body.created_at", 1),
    "order of times": (in_json(_turned), "body.notes", 3),
    "status": (_status, "status", 1),
    "extra header": (_header, "headers.x-debug", 1),
    "content type": (_content_type, "headers.content-type", 1),
}


def explored(reference: str, candidate: str, *, count: int = 200, seed: int = 7) -> Exploration:
    with both(reference, candidate) as pair:
        return explore(SUITE, pair, count=count, seed=seed, run="t", length=20)


def test_equal_systems_are_equal_whatever_their_identifiers(tiny: str, other: str) -> None:
    report = compare(SUITE, reference=tiny, candidate=other, run="t", sequences=50, seed=1)

    assert report.equal
    assert report.generated is not None
    assert report.generated.sequences == 50
    assert report.coverage["POST /notes"].keys() == {"201", "400"}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_difference_is_found_and_shrunk(tiny: str, other: str, name: str) -> None:
    plant, where, fewest = PLANTS[name]
    with served(Proxy(other, plant)) as spoiled:
        result = explored(tiny, spoiled)

    assert result.finding is not None
    assert result.reproducible
    assert where in [difference.where for difference in result.finding.differences]
    assert len(result.finding.exchanges) == fewest


@pytest.mark.parametrize("name", PLANTS)
def test_a_hand_written_journey_finds_it_too(tiny: str, other: str, name: str) -> None:
    plant, where, _ = PLANTS[name]
    with served(Proxy(other, plant)) as spoiled, both(tiny, spoiled) as pair, pytest.raises(Finding) as found:
        notes(Journey("t", pair, RULES))

    assert where in [difference.where for difference in found.value.differences]


def test_the_same_seed_draws_the_same_sequences(tiny: str, other: str) -> None:
    one, again = (explored(tiny, other, count=30, seed=5) for _ in range(2))
    different = explored(tiny, other, count=30, seed=6)

    assert one.calls == again.calls
    assert one.calls != different.calls


def test_the_finding_reads_as_calls_to_repeat(tiny: str, other: str) -> None:
    with served(Proxy(other, in_json(_reference))) as spoiled:
        result = explored(tiny, spoiled)

    text = str(result.finding)
    assert "curl -X POST '/notes' -d '{" in text
    assert "curl '/notes/«0.id»'" in text
    assert "body.reference: another reference" in text


def test_the_report_has_the_finding(tiny: str, other: str, tmp_path: Path) -> None:
    with served(Proxy(other, in_json(_rounded))) as spoiled:
        report = compare(SUITE, reference=tiny, candidate=spoiled, run="t", sequences=50, seed=1)

    page = report.write(tmp_path).read_text()
    data = json.loads((tmp_path / "parity.json").read_text())
    assert not data["equal"]
    assert data["generated"]["finding"]["differences"][0]["where"] == "body.price"
    assert "body.price" in page


def test_markup_in_answers_is_shown_as_text(tiny: str, other: str, tmp_path: Path) -> None:
    def scripted(request: Request, body: Any) -> None:
        body["text"] = "<script>alert(1)</script>"

    with served(Proxy(other, in_json(scripted))) as spoiled:
        report = compare(SUITE, reference=tiny, candidate=spoiled, run="t", sequences=0, seed=1)

    page = report.write(tmp_path).read_text()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_what_both_do_wrong_is_a_finding(systems: Both) -> None:
    with pytest.raises(Finding, match="the journey expects 200"):
        Journey("t", systems, RULES).call("GET", "/notes/999999", expect=200)


@pytest.mark.parametrize(
    ("here", "there", "equal"),
    [
        ("1", "1", True),
        ("1", "58", True),
        ("1", "86400", False),
        ("1", "soon", False),
        ("soon", "never", False),
    ],
)
def test_how_long_to_wait_may_differ_by_a_minute(here: str, there: str, equal: bool) -> None:
    def answer(seconds: str) -> Answer:
        return Answer(status=503, headers=[("retry-after", seconds)], text="")

    compared = Comparison(RULES, bases=("http://127.0.0.1:1", "http://127.0.0.1:2")).differences(
        "/", answer(here), answer(there)
    )

    assert [difference.where for difference in compared] == ([] if equal else ["headers.retry-after"])


def test_a_server_error_of_both_is_a_finding() -> None:
    def failing(environ: Any, start_response: Any) -> Any:
        return Response("{}", status=500)(environ, start_response)

    with (
        served(failing) as one,
        served(failing) as two,
        both(one, two) as pair,
        pytest.raises(Finding, match="no call may be answered so"),
    ):
        Journey("t", pair, RULES).call("GET", "/")


def test_a_difference_that_does_not_repeat_is_reported_all_the_same(tiny: str, other: str) -> None:
    left = [1]

    def once(request: Request, response: Response) -> None:
        if left and response.status_code == 400:
            left.clear()
            response.status_code = 409

    with served(Proxy(other, once)) as spoiled:
        result = explored(tiny, spoiled)

    assert result.finding is not None
    assert not result.reproducible
