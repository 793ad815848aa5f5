"""A timeline of requests per second and latency, with marked spans, as inline SVG.

Two plots share the time axis. Latency is drawn on a logarithmic scale, for a tail of seconds must not
flatten a median of milliseconds. Lines differ in dash as well as in colour, and every bucket has a tooltip.
"""

import math
from collections.abc import Sequence
from html import escape

import msgspec

from strangler.toolkit.report.samples import Bucket

WIDTH, LEFT, RIGHT = 1080, 58, 16
RATE_TOP, RATE_HEIGHT = 46, 150
LATENCY_TOP, LATENCY_HEIGHT = 240, 190
HEIGHT = LATENCY_TOP + LATENCY_HEIGHT + 40
LINES = [("p99_ms", "p99", "p99"), ("p95_ms", "p95", "p95"), ("p50_ms", "p50", "p50")]


class Span(msgspec.Struct, frozen=True):
    """A marked time, seconds from the timeline's origin. `kind` becomes the CSS class `span-<kind>`."""

    label: str
    start: float
    end: float
    kind: str = "step"


def draw(buckets: Sequence[Bucket], spans: Sequence[Span], *, title: str) -> str:
    """The timeline as an `<svg>` element; its colours come from the page's CSS."""
    return "\n".join(_Drawing(buckets, spans, title).elements())


class _Drawing:
    def __init__(self, buckets: Sequence[Bucket], spans: Sequence[Span], title: str) -> None:
        self.buckets, self.spans, self.title = buckets, spans, title
        self.seconds = max(b.start + b.width for b in buckets) if buckets else 1.0
        self.top_rate = _ceiling(max((b.summary.per_second for b in buckets), default=1.0))
        latencies = [v for b in buckets for v in (b.summary.p50_ms, b.summary.p95_ms, b.summary.p99_ms) if v]
        self.low = 10 ** math.floor(math.log10(max(min(latencies, default=1.0), 0.1)))
        self.high = 10 ** math.ceil(math.log10(max(max(latencies, default=10.0), self.low * 10)))

    def x(self, seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(seconds, 0.0), self.seconds) / self.seconds

    def rate_y(self, rate: float) -> float:
        return RATE_TOP + RATE_HEIGHT * (1 - rate / self.top_rate)

    def latency_y(self, ms: float) -> float:
        share = math.log10(max(ms, self.low) / self.low) / math.log10(self.high / self.low)
        return LATENCY_TOP + LATENCY_HEIGHT * (1 - share)

    def elements(self) -> list[str]:
        return [
            f'<svg class="timeline" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            'aria-labelledby="tl-title tl-desc">',
            f'<title id="tl-title">{escape(self.title)}</title>',
            f'<desc id="tl-desc">{escape(self._description())}</desc>',
            *self._spans(),
            *self._rate_axis(),
            *self._bars(),
            *self._latency_axis(),
            *self._lines(),
            *self._time_axis(),
            "</svg>",
        ]

    def _description(self) -> str:
        failures = sum(b.summary.failures for b in self.buckets)
        requests = sum(b.summary.requests for b in self.buckets)
        steps = "; ".join(f"{s.label} from {s.start:.0f} s to {s.end:.0f} s" for s in self.spans)
        return f"{requests} requests in {self.seconds:.0f} seconds, {failures} failed. {steps}."

    def _spans(self) -> list[str]:
        parts = []
        for span in self.spans:
            x, width = self.x(span.start), max(self.x(span.end) - self.x(span.start), 2)
            bottom = LATENCY_TOP + LATENCY_HEIGHT
            parts.append(
                f'<g class="span span-{escape(span.kind)}"><rect x="{x:.1f}" y="{RATE_TOP - 10}" '
                f'width="{width:.1f}" height="{bottom - RATE_TOP + 10}"/>'
                f'<text x="{x + width / 2:.1f}" y="{RATE_TOP - 18}" text-anchor="middle">'
                f"{escape(span.label)}</text>"
                f"<title>{escape(span.label)}: {span.start:.1f}–{span.end:.1f} s</title></g>"
            )
        return parts

    def _rate_axis(self) -> list[str]:
        parts = [f'<text class="caption" x="{LEFT}" y="14">requests per second</text>']
        for share in (0, 0.5, 1):
            value = self.top_rate * share
            parts += self._rule(self.rate_y(value), f"{value:g}")
        return parts

    def _latency_axis(self) -> list[str]:
        parts = [f'<text class="caption" x="{LEFT}" y="{LATENCY_TOP - 22}">latency</text>', *self._legend()]
        value = float(self.low)
        while value <= self.high * 1.001:
            parts += self._rule(self.latency_y(value), _duration(value))
            value *= 10
        return parts

    def _legend(self) -> list[str]:
        parts, x, y = [], LEFT + 70, LATENCY_TOP - 26
        for _, label, css in reversed(LINES):
            parts.append(
                f'<line class="line {css}" x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}"/>'
                f'<text class="tick" x="{x + 32}" y="{y + 4}">{label}</text>'
            )
            x += 82
        return parts

    def _rule(self, y: float, label: str) -> list[str]:
        return [
            f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>',
        ]

    def _bars(self) -> list[str]:
        parts = []
        for bucket in self.buckets:
            x = self.x(bucket.start)
            width = max(self.x(bucket.start + bucket.width) - x - 0.6, 0.6)
            summary = bucket.summary
            y = self.rate_y(summary.per_second)
            bottom = RATE_TOP + RATE_HEIGHT
            tip = f"{bucket.start:.0f} s: {summary.per_second:g} requests/s, {summary.failures} failed"
            if summary.p50_ms is not None:
                tip += f"; p50 {summary.p50_ms:g} ms, p95 {summary.p95_ms:g} ms, p99 {summary.p99_ms:g} ms"
            parts.append(
                f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{bottom - y:.1f}">'
                f"<title>{tip}</title></rect>"
            )
            if summary.failures:
                failed_y = self.rate_y(summary.failures / bucket.width)
                parts.append(
                    f'<rect class="failed" x="{x:.1f}" y="{min(failed_y, bottom - 4):.1f}" '
                    f'width="{width:.1f}" height="{max(bottom - failed_y, 4):.1f}">'
                    f"<title>{tip}</title></rect>"
                )
        return parts

    def _lines(self) -> list[str]:
        parts = []
        for field, _, css in LINES:
            points = [
                f"{self.x(b.start + b.width / 2):.1f},{self.latency_y(value):.1f}"
                for b in self.buckets
                if (value := getattr(b.summary, field)) is not None
            ]
            parts.append(f'<polyline class="line {css}" points="{" ".join(points)}"/>')
        return parts

    def _time_axis(self) -> list[str]:
        bottom = LATENCY_TOP + LATENCY_HEIGHT
        step = next(
            s for s in (5, 10, 15, 30, 60, 120, 300, 600, 3600) if self.seconds / s <= 14 or s == 3600
        )
        return [
            f'<text class="tick" x="{self.x(at):.1f}" y="{bottom + 20}" text-anchor="middle">'
            f"{_clock(at)}</text>"
            for at in range(0, int(self.seconds) + 1, step)
        ]


def _ceiling(value: float) -> float:
    """The next round figure: 1, 2, 2.5 or 5 times a power of ten."""
    power: float = 10 ** math.floor(math.log10(max(value, 1.0)))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= value)


def _duration(ms: float) -> str:
    return f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:g} ms"


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"
