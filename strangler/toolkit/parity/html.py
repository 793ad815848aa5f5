"""The report as one page that needs nothing else."""

from html import escape
from typing import Any

import msgspec

from strangler.toolkit.parity.text import asked

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222 }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2rem } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
pre { background: #f6f6f4; padding: .8rem; overflow-x: auto; font-size: 13px; white-space: pre-wrap }
.ok { color: #17692f } .bad { color: #a5161d; font-weight: 600 }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem }
section.finding { border-left: 4px solid #a5161d; padding-left: 1rem; margin: 1.5rem 0 }
@media (prefers-color-scheme: dark) {
  body { background: #16181a; color: #ddd } pre { background: #222528 } td, th { border-color: #383c40 }
  .ok { color: #6cc78a } .bad { color: #f0797f }
}
"""


def page(report: dict[str, Any]) -> str:
    """The report, as builtins, as HTML."""
    verdict = (
        '<span class="ok">no difference</span>'
        if report["equal"]
        else '<span class="bad">the systems differ</span>'
    )
    parts = [
        f"<h1>Parity: {verdict}</h1>",
        f"<p>{escape(report['candidate'])} compared with {escape(report['reference'])}: "
        f"{report['calls']:,} calls to each in {report['seconds']:.0f} s.</p>",
        *(_finding(ran["finding"]) for ran in report["journeys"] if ran["finding"]),
        _generated(report["generated"]),
        _journeys(report["journeys"]),
        _effects(report["effects"]),
        _latency(report["latency"]),
        _coverage(report["coverage"]),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Parity</title>'
        f"<style>{STYLE}</style>{''.join(parts)}</html>"
    )


def _finding(found: dict[str, Any]) -> str:
    steps = "\n".join(
        f"{number:2}  {step['reference'] or '---'}  {asked(step['curl'], step['attempts'])}"
        for number, step in enumerate(found["steps"])
    )
    rows = "".join(
        f"<tr><td>{escape(each['where'])}<td>{_code(each['reference'])}<td>{_code(each['candidate'])}"
        f"<td>{escape(each['why'])}"
        for each in found["differences"]
    )
    shrunk = f" (shrunk from {found['shrunk_from']} calls)" if found["shrunk_from"] else ""
    fleeting = "" if found["reproducible"] else " It did not show again when repeated."
    return (
        f'<section class="finding"><h2 class="bad">{escape(found["name"])}</h2>'
        f"<p>{len(found['steps'])} calls{shrunk}; the last is not answered as it must be.{fleeting} "
        f"<code>«3.id»</code> is what call 3 answered as <code>id</code>.</p><pre>{escape(steps)}</pre>"
        f"<table><tr><th>where<th>reference<th>candidate<th>why it counts{rows}</table>"
        f'<div class="two"><div><h3>reference</h3><pre>{escape(found["reference"])}</pre></div>'
        f"<div><h3>candidate</h3><pre>{escape(found['candidate'])}</pre></div></div></section>"
    )


def _generated(generated: dict[str, Any] | None) -> str:
    if generated is None:
        return ""
    found = _finding(generated["finding"]) if generated["finding"] else '<p class="ok">No difference.</p>'
    return (
        "<h2>Generated sequences</h2>"
        f"<p>{generated['sequences']:,} of {generated['asked']:,} sequences of up to "
        f"{generated['length']} moves, seed {generated['seed']}: {generated['calls']:,} calls to each system "
        f"in {generated['seconds']:.0f} s.</p>" + found
    )


def _journeys(journeys: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(ran['name'])}<td class=n>{ran['calls']}<td class=n>{ran['seconds']:.2f} s<td>"
        + ('<span class="bad">differs</span>' if ran["finding"] else '<span class="ok">equal</span>')
        for ran in journeys
    )
    if not rows:
        return ""
    return f"<h2>Journeys</h2><table><tr><th>journey<th class=n>calls<th class=n>took<th>{rows}</table>"


def _effects(effects: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(effect['route'])}<td class=n>{effect['times']}<td class=n>{effect['attempts']}"
        + "".join(
            f"<td class=n>{effect[name] * 1000:.0f} ms"
            for name in ("reference_median", "reference_longest", "candidate_median", "candidate_longest")
        )
        for effect in effects
    )
    if not rows:
        return ""
    names = ("times", "calls", "reference, median", "longest", "candidate, median", "longest")
    heads = "".join(f"<th class=n>{name}" for name in names)
    return f"<h2>Effects that may come later</h2><table><tr><th>seen by{heads}{rows}</table>"


def _latency(latency: dict[str, dict[str, float]]) -> str:
    rows = "".join(
        f"<tr><td>{name}<td class=n>{found['p50_ms']:.1f} ms<td class=n>{found['p99_ms']:.1f} ms"
        for name, found in latency.items()
    )
    return f"<h2>Time of a call</h2><table><tr><th>system<th class=n>p50<th class=n>p99{rows}</table>"


def _coverage(coverage: dict[str, dict[str, int]]) -> str:
    statuses = sorted({status for found in coverage.values() for status in found})
    rows = "".join(
        f"<tr><td>{escape(route)}" + "".join(f"<td class=n>{found.get(s, '')}" for s in statuses)
        for route, found in coverage.items()
    )
    heads = "".join(f"<th class=n>{status}" for status in statuses)
    return f"<h2>Routes and answers</h2><table><tr><th>route{heads}{rows}</table>"


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"<code>{escape(text[:500])}</code>"
