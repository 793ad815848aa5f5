"""A self-contained HTML page: verdict, figures, drawings, tables; no script, nothing from elsewhere."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

import msgspec

CSS = Path(__file__).with_name("page.css")

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$css
</style>
</head>
<body>
<header>
<h1>$title</h1>
<p class="verdict $verdict_class"><strong>$verdict</strong> $summary</p>
</header>
<main>
$body
</main>
<footer>$footer</footer>
</body>
</html>
""")


class Figure(msgspec.Struct, frozen=True):
    """One big number. `tone`: `good`, `bad` or empty."""

    label: str
    value: str
    note: str = ""
    tone: str = ""


class Table(msgspec.Struct, frozen=True):
    """Rows of text. Columns named in `numbers` are set right-aligned; rows named in `bad` are marked."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    numbers: frozenset[str] = frozenset()
    bad: frozenset[int] = frozenset()
    caption: str = ""


class Page:
    """Collects the parts of a page, in order."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.parts: list[str] = []

    def figures(self, figures: Sequence[Figure]) -> None:
        items = "".join(
            f'<div class="figure {escape(figure.tone)}"><dt>{escape(figure.label)}</dt>'
            f"<dd>{escape(figure.value)}<small>{escape(figure.note)}</small></dd></div>"
            for figure in figures
        )
        self.parts.append(f'<dl class="figures">{items}</dl>')

    def heading(self, text: str, lead: str = "") -> None:
        self.parts.append(f"<h2>{escape(text)}</h2>")
        if lead:
            self.parts.append(f"<p>{escape(lead)}</p>")

    def drawing(self, svg: str) -> None:
        """An SVG of ours; it is taken as it is."""
        self.parts.append(f'<figure class="drawing">{svg}</figure>')

    def table(self, table: Table) -> None:
        head = "".join(
            f'<th scope="col"{_aligned(column, table)}>{escape(column)}</th>' for column in table.columns
        )
        body = "".join(
            f"<tr{' class=bad' if index in table.bad else ''}>{_cells(row, table)}</tr>"
            for index, row in enumerate(table.rows)
        )
        caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
        self.parts.append(
            f'<div class="scroll"><table>{caption}<thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    def render(self, *, passed: bool, summary: str, footer: str) -> str:
        return PAGE.substitute(
            title=escape(self.title),
            css=CSS.read_text(),
            verdict="Passed." if passed else "Failed.",
            verdict_class="good" if passed else "bad",
            summary=escape(summary),
            body="\n".join(self.parts),
            footer=escape(footer),
        )


def _cells(row: Sequence[object], table: Table) -> str:
    cells = []
    for index, (column, value) in enumerate(zip(table.columns, row, strict=True)):
        text = (
            "–" if value is None else escape(f"{value:,}" if isinstance(value, int | float) else str(value))
        )
        tag = 'th scope="row"' if index == 0 else "td"
        cells.append(f"<{tag}{_aligned(column, table)}>{text}</{tag.split()[0]}>")
    return "".join(cells)


def _aligned(column: str, table: Table) -> str:
    return ' class="number"' if column in table.numbers else ""
