"""The trace backend's two pages: recent traces, and one trace as a waterfall."""

from datetime import UTC, datetime
from html import escape
from typing import Any

from strangler.toolkit.traces.store import Span

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c2530}
a{color:#0b5cad} table{border-collapse:collapse;width:100%} th,td{padding:.3rem .6rem;text-align:left;
border-bottom:1px solid #e2e7ec;white-space:nowrap} th{font-weight:600} td.name{white-space:normal}
.lane{position:relative;height:1.15rem;background:#f3f6f9;min-width:22rem}
.bar{position:absolute;height:100%;border-radius:2px;min-width:2px} .error{color:#b3261e;font-weight:600}
details{display:inline} pre{white-space:pre-wrap;background:#f3f6f9;padding:.5rem;margin:.3rem 0}
"""
ERROR = " <span class=error>error</span>"
COLOURS = ["#2f6f9f", "#5b8c3e", "#b0632a", "#7a5aa6", "#a33c5a", "#3a8a86"]


def page(title: str, body: str) -> str:
    """A whole HTML page; `body` is HTML, `title` is not."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )


def recent(traces: list[dict[str, Any]], name: str) -> str:
    """The page that lists traces. `name`: what was searched for."""
    rows = "".join(
        f"<tr><td>{_clock(t['start'])}<td class=name><a href='/traces/{t['trace']}'>{escape(t['name'])}</a>"
        f"<td>{t['milliseconds']:.1f} ms<td>{t['spans']}<td>{escape(', '.join(t['services']))}"
        f"<td>{'<span class=error>error</span>' if t['errors'] else ''}"
        for t in traces
    )
    form = (
        f"<form><label>Span name contains <input name=name value='{escape(name, quote=True)}'></label>"
        " <button>Search</button></form>"
    )
    head = "<tr><th>Started<th>Trace<th>Took<th>Spans<th>Services<th>"
    none = f"<tr><td colspan=6>{'No trace has such a span.' if name else 'No traces yet.'}"
    return page("Recent traces", f"{form}<table>{head}{rows or none}</table>")


def missing(trace: str) -> str:
    """The page of a trace that is not there."""
    why = "It was not sampled, its spans have not arrived yet, or they were forgotten: the oldest are."
    return page(f"Trace {trace} is not here", f"<p>{why}</p><p><a href='/'>Recent traces</a></p>")


def waterfall(trace: str, spans: list[Span]) -> str:
    """The page of one trace: its spans as bars on one time line."""
    first = min(span.start for span in spans)
    whole = max(max(span.finish for span in spans) - first, 1)
    services = sorted({span.service for span in spans})
    colour = {service: COLOURS[number % len(COLOURS)] for number, service in enumerate(services)}
    depth = _depths(spans)
    rows = "".join(
        f"<tr><td class=name style='padding-left:{0.6 + depth[span.span] * 1.1:.1f}rem'>"
        f"<details><summary>{escape(span.name[:100])}{ERROR if span.error else ''}"
        f"</summary><pre>{escape(_attributes(span))}</pre></details><td>{escape(span.service)}"
        f"<td>{(span.finish - span.start) / 1e6:.2f} ms<td><div class=lane><div class=bar style='"
        f"left:{(span.start - first) / whole * 100:.2f}%;"
        f"width:{(span.finish - span.start) / whole * 100:.2f}%;"
        f"background:{colour[span.service]}'></div></div>"
        for span in spans
    )
    head = f"<tr><th>Span<th>Service<th>Took<th>{whole / 1e6:.1f} ms"
    return page(f"Trace {trace}", f"<p><a href='/'>Recent traces</a></p><table>{head}{rows}</table>")


def _depths(spans: list[Span]) -> dict[str, int]:
    parent = {span.span: span.parent for span in spans}

    def depth(span: str, seen: int = 0) -> int:
        above = parent.get(span, "")
        return 0 if above not in parent or seen > 50 else 1 + depth(above, seen + 1)

    return {span: depth(span) for span in parent}


def _attributes(span: Span) -> str:
    return "\n".join(f"{name} = {value}" for name, value in sorted(span.attributes.items()))


def _clock(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3]
