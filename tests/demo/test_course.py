"""A demo passes only if something was done and compared, and nothing went wrong, which it reports."""

import io
import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from strangler.toolkit.stack import Stack, StackError
from tests.demo.__main__ import main
from tests.demo.course import Course, Options, Outcome, Step, Watching
from tests.demo.report import FILES, document, page
from tests.demo.watching import View
from tests.ledger.audit import Audit, Ledger
from tests.ledger.books import Discrepancy
from tests.traffic.calls import Call
from tests.traffic.process import Traffic

REQUESTS = 100


def window(percent: int, verdict: str) -> dict[str, Any]:
    return {"percent": percent, "verdict": verdict, "reason": "300 answers", "old": 150, "new": 150}


def moved(source: int, target: int, domain: str, swept: int, *verdicts: str) -> Step:
    windows = [window(percent, verdict) for percent, verdict in zip((10, 50, 100), verdicts, strict=True)]
    shadow = {"swept": swept, "sweep_differs": 0, "compared": 20, "mismatched": 0, "stale": 1}
    figures = {domain: {"shadow": shadow, "canary": {"windows": windows, "requests": 450}}}
    return Step(source, target, 0.0, 10.0, moves=domain, ended=20.0, after=30.0, figures=figures)


@pytest.fixture
def outcome() -> Outcome:
    few = "inconclusive"
    return Outcome(
        options=Options(minutes=1, users=2, to=3, least_requests=REQUESTS),
        began=datetime.now(UTC),
        up_seconds=1.0,
        started=0.0,
        ended=100.0,
        steps=[
            Step(0, 1, 0.0, 10.0, ended=20.0, after=30.0),
            moved(1, 2, "notifications", 0, few, few, few),
            moved(2, 3, "catalog", 1000, few, "pass", "pass"),
            Step(3, 2, 0.0, 10.0, moves="catalog", ended=20.0, after=30.0),
        ],
        calls=[Call(at=float(n), name="browse", seconds=0.1, outcome="ok", status=200) for n in range(100)],
        audit=Audit(counts={"orders": 9, "mails": 9}, discrepancies=[], seconds=1.0),
    )


def measured(outcome: Outcome) -> dict[str, Any]:
    figures: dict[str, Any] = outcome.steps[2].figures["catalog"]
    return figures


def test_a_sound_outcome_passes(outcome: Outcome) -> None:
    assert outcome.reasons == []


def fail_a_request(outcome: Outcome) -> None:
    outcome.calls[0].outcome = "failed"


def be_away_for_a_request(outcome: Outcome) -> None:
    outcome.calls[0].outcome = "unavailable"


def make_a_request_less(outcome: Outcome) -> None:
    outcome.calls.pop()


def lose_something(outcome: Outcome) -> None:
    outcome.audit.discrepancies.append(Discrepancy("mails", "no mail", []))


def order_nothing(outcome: Outcome) -> None:
    outcome.audit.counts["orders"] = 0


def compare_nothing(outcome: Outcome) -> None:
    measured(outcome)["shadow"] |= {"swept": 0, "compared": 0}


def measure_nothing(outcome: Outcome) -> None:
    outcome.steps[2].figures = {}


def compare_no_notifications(outcome: Outcome) -> None:
    outcome.steps[1].figures["notifications"]["shadow"]["compared"] = 0


def answer_otherwise(outcome: Outcome) -> None:
    measured(outcome)["shadow"]["mismatched"] = 1


def answer_otherwise_when_swept(outcome: Outcome) -> None:
    measured(outcome)["shadow"]["sweep_differs"] = 1


def see_too_little(outcome: Outcome) -> None:
    measured(outcome)["canary"]["windows"][1]["verdict"] = "inconclusive"


def do_worse(outcome: Outcome) -> None:
    outcome.steps[1].figures["notifications"]["canary"]["windows"][2]["verdict"] = "fail"


def leave_the_canary_out(outcome: Outcome) -> None:
    measured(outcome)["canary"]["windows"] = []


def end_a_step_with_an_error(outcome: Outcome) -> None:
    outcome.problems.append("`strangler migrate` ended with status 1")


@pytest.mark.parametrize(
    "plant",
    [
        fail_a_request,
        be_away_for_a_request,
        make_a_request_less,
        lose_something,
        order_nothing,
        compare_nothing,
        compare_no_notifications,
        measure_nothing,
        answer_otherwise,
        answer_otherwise_when_swept,
        see_too_little,
        do_worse,
        leave_the_canary_out,
        end_a_step_with_an_error,
    ],
)
def test_what_is_planted_is_a_reason(outcome: Outcome, plant: Callable[[Outcome], None]) -> None:
    plant(outcome)
    assert len(outcome.reasons) >= 1
    report = document(outcome, {})
    assert (report["passed"], "Failed." in page(outcome, report)) == (False, True)


def test_the_page_shows_the_windows_and_what_was_compared(outcome: Outcome) -> None:
    shown = page(outcome, document(outcome, {}))
    assert "Passed." in shown
    assert "50 %: pass (300 answers)" in shown
    assert "1,040" in shown


class Faulty:
    """Stands for a stack that cannot get to stage 1, its ledger and its traffic."""

    url = "http://127.0.0.1:9"

    def up(self, stage: int, *_: Any) -> None:
        if stage == 1:
            raise StackError("web does not start: [/see its log]")

    def settle(self, journal: Path, *, seconds: float) -> Audit:
        return Audit(counts={}, discrepancies=[])

    def do_nothing(self, *_: Any, **__: Any) -> None:
        pass

    start = stop = kill = down = check_running = do_nothing


def test_a_step_that_fails_is_audited_and_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: Outcome
) -> None:
    faulty: Any = Faulty()
    monkeypatch.setattr(Ledger, "opened", lambda _: faulty)
    monkeypatch.setattr(Course, "_watch", faulty.do_nothing)
    for name in ("start", "stop", "kill"):
        monkeypatch.setattr(Traffic, name, faulty.do_nothing)

    made = Course(stack=faulty, directory=tmp_path, options=outcome.options, watching=Watching()).run()

    assert "web does not start: [/see its log]" in made.reasons
    assert [step.name for step in made.steps] == ["0 → 1"]
    assert "web does not start" in page(made, document(made, {}))


def test_a_demo_that_does_not_start_leaves_no_old_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise StackError("port [8080] is taken")

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(Stack, "down", refuse)
    for name in FILES:
        (tmp_path / name).write_text("Passed.")

    with pytest.raises(typer.Exit) as ended:
        main(out=tmp_path, as_json=True)

    written = json.loads(capsys.readouterr().out)
    assert (ended.value.exit_code, written) == (1, {"passed": False, "reasons": ["port [8080] is taken"]})
    assert not list(tmp_path.iterdir())


def test_what_a_call_says_is_shown_as_it_is() -> None:
    shown = io.StringIO()
    View(Console(file=shown, width=200)).calls(
        [Call(0.0, "product", 0.1, "failed", 404, "not JSON: [/b] [mails]")]
    )
    assert "not JSON: [/b] [mails]" in shown.getvalue()
