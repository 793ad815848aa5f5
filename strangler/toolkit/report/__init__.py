"""Reports of what was measured: summaries, a timeline as inline SVG, and a self-contained HTML page."""
