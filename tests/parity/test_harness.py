"""The harness itself, on a system small enough to know by heart."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st
from werkzeug.wrappers import Request, Response

from strangler.toolkit.parity import Finding, Identifier, Journey, Rules
from strangler.toolkit.parity.generated import Exploration, explore
from strangler.toolkit.parity.journey import Both, both
from strangler.toolkit.parity.run import compare
from strangler.toolkit.parity.text import reported
from tests.parity.tiny import Plant, Proxy, Tiny, in_json, served

RULES = Rules(
    identifiers=[Identifier(kind="note", at="id"), Identifier(kind="reference", at="reference")],
    texts=[r"(?P<reference>n_[0-9a-f]{12})"],
    times=frozenset({"created_at"}),
)


def make(journey: Journey, price: Any, text: Any = "x") -> Any:
    return journey.call("POST", "/notes", json={"of": journey.name, "price": price, "text": text})


def notes(journey: Journey) -> None:
    first = make(journey, 199)
    journey.call("GET", f"/notes/{first['id']}", expect=200)
    make(journey, "free")
    make(journey, 250)
    journey.call("GET", "/notes", query={"of": journey.name}, expect=200)
    journey.call("GET", "/notes/0", expect=404)


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
    "status": (_status, "status", 1),
    "extra header": (_header, "headers.x-debug", 1),
    "content type": (_content_type, "headers.content-type", 1),
}


@pytest.fixture
def tiny() -> Iterator[str]:
    with served(Tiny()) as url:
        yield url


@pytest.fixture
def other() -> Iterator[str]:
    """A second system, which numbers its notes otherwise."""
    with served(Tiny(first_id=1000)) as url:
        yield url


@pytest.fixture
def systems(tiny: str, other: str) -> Iterator[Both]:
    with both(tiny, other) as pair:
        yield pair


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


def test_an_effect_may_come_later_and_its_time_is_measured(tiny: str) -> None:
    with served(Tiny(first_id=50, late=0.2)) as slow, both(tiny, slow) as pair:
        journey = Journey("t", pair, RULES)
        note = make(journey, 1)
        journey.call("GET", f"/late/{note['id']}", until=lambda body: "id" in body)

    waited = journey.exchanges[-1].waited
    assert waited is not None
    assert waited[0] < waited[1]
    assert waited[1] >= 0.15


def test_an_effect_that_does_not_come_is_a_finding(tiny: str) -> None:
    with served(Tiny(first_id=50, late=60)) as slow, both(tiny, slow) as pair:
        journey = Journey("t", pair, RULES)
        note = make(journey, 1)
        with pytest.raises(Finding, match="the candidate has not come to what the journey waits for"):
            journey.call("GET", f"/late/{note['id']}", until=lambda body: "id" in body, within=0.2)


@pytest.mark.parametrize("status", [500, 503])
def test_what_may_come_late_may_not_fail_meanwhile(tiny: str, other: str, status: int) -> None:
    left = [status] * 3

    def failing(request: Request, response: Response) -> None:
        if request.path.startswith("/late") and left:
            response.status_code = left.pop()

    def wait(journey: Journey) -> None:
        note = make(journey, 1)
        journey.call("GET", f"/late/{note['id']}", until=lambda body: True)

    suite: Any = SimpleNamespace(RULES=RULES, JOURNEYS={"wait": wait})
    with served(Proxy(other, failing)) as spoiled:
        report = compare(suite, reference=tiny, candidate=spoiled, run="t", sequences=0, seed=1)

    (finding,) = report.findings()
    assert [(each["where"], each["candidate"]) for each in finding.differences] == [("status", status)]
    assert finding.steps[-1].attempts == 1
    assert len(left) == 2


def test_the_report_says_how_often_what_may_come_late_was_asked_for(tiny: str, tmp_path: Path) -> None:
    def wait(journey: Journey) -> None:
        note = make(journey, 1)
        journey.call("GET", f"/late/{note['id']}", until=lambda body: "id" in body)
        journey.call("GET", "/notes/0", expect=200)

    suite: Any = SimpleNamespace(RULES=RULES, JOURNEYS={"wait": wait})
    with served(Tiny(first_id=50, late=0.1)) as slow:
        report = compare(suite, reference=tiny, candidate=slow, run="t", sequences=0, seed=1)

    (effect,), (finding,) = report.effects, report.findings()
    assert effect.attempts == finding.steps[1].attempts > 1
    assert f"# {effect.attempts} times" in reported(finding)
    assert f"# {effect.attempts} times" in report.write(tmp_path).read_text()


def test_a_condition_that_cannot_read_an_answer_is_not_fulfilled_yet(tiny: str, other: str) -> None:
    left = [1, 2]

    def plain(request: Request, response: Response) -> None:
        if request.path.startswith("/late") and left:
            left.pop()
            response.data, response.content_type = "starting", "text/plain"

    with served(Proxy(other, plain)) as spoiled, both(tiny, spoiled) as pair:
        journey = Journey("t", pair, RULES)
        note = make(journey, 1)
        journey.call("GET", f"/late/{note['id']}", until=lambda body: body.get("id"))

    assert journey.exchanges[-1].attempts == 3


def test_a_journey_that_breaks_off_is_a_finding_and_the_others_run(
    tiny: str, other: str, tmp_path: Path
) -> None:
    def breaks(journey: Journey) -> None:
        journey.body(make(journey, 1))["no such field"]

    def breaks_at_once(journey: Journey) -> None:
        raise RuntimeError("at once")

    journeys = {"breaks": breaks, "breaks at once": breaks_at_once, "notes": notes}
    suite: Any = SimpleNamespace(
        RULES=RULES,
        JOURNEYS=journeys,
        sequences=SUITE.sequences,
        replay=lambda journey, sequence: breaks(journey),
    )
    report = compare(suite, reference=tiny, candidate=other, run="t", sequences=5, seed=1)

    first, second, third = report.findings()
    assert [ran.finding for ran in report.journeys] == [first, second, None]
    assert "test_harness.py" in first.differences[0]["why"]
    assert "KeyError: 'no such field'" in reported(first)
    assert [step.reference for step in first.steps] == [201]
    assert "RuntimeError: at once" in reported(second)
    assert "no such field" in third.differences[0]["why"]
    assert "no such field" in report.write(tmp_path).read_text()
    assert not json.loads((tmp_path / "parity.json").read_text())["equal"]


@pytest.mark.parametrize(
    ("said", "kind"), [(b"Bad Gateway", "text/plain"), (b"", "text/plain"), (b'"\xff', "application/json")]
)
def test_a_bare_answer_of_a_proxy_ends_in_a_report(tiny: str, said: bytes, kind: str) -> None:
    def bare(environ: Any, start_response: Any) -> Any:
        return Response(said, status=502, content_type=kind)(environ, start_response)

    def wait(journey: Journey) -> None:
        journey.call("GET", "/notes/0", until=lambda body: body.get("id"))

    suite: Any = SimpleNamespace(RULES=RULES, JOURNEYS={"wait": wait, "notes": notes})
    with served(bare) as down:
        report = compare(suite, reference=tiny, candidate=down, run="t", sequences=0, seed=1)

    assert [finding.name for finding in report.findings()] == ["wait", "notes"]
    assert report.findings()[0].steps[-1].candidate == 502


def test_what_both_do_wrong_is_a_finding(systems: Both) -> None:
    with pytest.raises(Finding, match="the journey expects 200"):
        Journey("t", systems, RULES).call("GET", "/notes/999999", expect=200)


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


def test_a_system_that_is_gone_is_a_finding(tiny: str) -> None:
    with served(Tiny()) as gone:
        pass
    with both(tiny, gone) as pair, pytest.raises(Finding, match="another status"):
        make(Journey("t", pair, RULES), 1)


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
