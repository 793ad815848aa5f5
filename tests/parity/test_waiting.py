"""Effects that may come late, and hosts that answer nothing of use meanwhile: each ends in a report."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st
from werkzeug.wrappers import Request, Response

from strangler.toolkit.parity import Finding, Journey
from strangler.toolkit.parity.journey import both
from strangler.toolkit.parity.run import compare
from strangler.toolkit.parity.text import reported
from tests.parity.tiny import RULES, Proxy, Tiny, make, notes, served


def test_an_effect_may_come_later_and_its_time_is_measured(tiny: str) -> None:
    with served(Tiny(first_id=50, late=3)) as slow, both(tiny, slow) as pair:
        journey = Journey("t", pair, RULES)
        note = make(journey, 1)
        journey.call("GET", f"/late/{note['id']}", until=lambda body: "id" in body)

    waited = journey.exchanges[-1].waited
    assert waited is not None
    assert waited[0] < waited[1]
    assert waited[1] >= 0.05  # three pauses


def test_an_effect_that_does_not_come_is_a_finding(tiny: str) -> None:
    with served(Tiny(first_id=50, late=10**6)) as slow, both(tiny, slow) as pair:
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
    with served(Tiny(first_id=50, late=1)) as slow:
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
        sequences=lambda length: st.lists(st.booleans(), max_size=length),
        replay=lambda journey, sequence: breaks(journey),
    )
    report = compare(suite, reference=tiny, candidate=other, run="t", sequences=5, seed=1)

    first, second, third = report.findings()
    assert [ran.finding for ran in report.journeys] == [first, second, None]
    assert "test_waiting.py" in first.differences[0]["why"]
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


def test_a_system_that_is_gone_is_a_finding(tiny: str) -> None:
    with served(Tiny()) as gone:
        pass
    with both(tiny, gone) as pair, pytest.raises(Finding, match="another status"):
        make(Journey("t", pair, RULES), 1)
