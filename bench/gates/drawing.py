"""A few shapes as SVG text, in colours for light and dark backgrounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

STYLE = """
svg { font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; font-size: 15px; }
.ink { fill: #1f2933; } .muted { fill: #5b6773; } .title { fill: #1f2933; font-size: 19px; font-weight: 600; }
.strong { font-weight: 600; } .small { font-size: 13px; } .on { fill: #ffffff; font-weight: 600; font-size: 13px; }
.page { fill: #ffffff; } .card { fill: #f1f4f7; } .grid { stroke: #d5dce3; } .line { stroke: #5b6773; fill: none; }
.a { fill: #2f6690; } .b { fill: #c8742b; } .c { fill: #5a8f5c; } .d { fill: #8a6bb1; } .e { fill: #9aa5b1; }
.whisker { stroke: #1f2933; }
@media (prefers-color-scheme: dark) {
.ink { fill: #e6ebf0; } .muted { fill: #a3b0bd; } .title { fill: #e6ebf0; }
.page { fill: #12181f; } .card { fill: #1d2630; } .grid { stroke: #33404d; } .line { stroke: #a3b0bd; }
.a { fill: #5b9bd0; } .b { fill: #e0975a; } .c { fill: #7fb582; } .d { fill: #ad93d1; } .e { fill: #7c8894; }
.on { fill: #12181f; } .whisker { stroke: #e6ebf0; } }
"""
"""Classes: a to e are the colours of data."""


@dataclass
class Drawing:
    """A picture that grows shape by shape; lengths are in pixels."""

    width: int
    height: int
    title: str
    """What a reader who cannot see it is told."""
    shapes: list[str] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, kind: str, radius: float = 0) -> None:
        """Add a filled rectangle."""
        round_ = f' rx="{radius:g}"' if radius else ""
        self.shapes.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{height:.1f}"{round_}/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str, width: float = 1) -> None:
        """Add a line."""
        self.shapes.append(
            f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke-width="{width:g}"/>'
        )

    def circle(self, x: float, y: float, radius: float, kind: str) -> None:
        """Add a filled circle."""
        self.shapes.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>')

    def text(self, x: float, y: float, words: str, kind: str = "ink", anchor: str = "start") -> None:
        """Add a line of text on its baseline."""
        self.shapes.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>')

    def lines(self, x: float, y: float, words: Iterable[str], kind: str = "muted small", step: float = 19) -> None:
        """Add lines of text below each other."""
        for number, line in enumerate(words):
            self.text(x, y + number * step, line, kind)

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, str]], gap: float = 26) -> None:
        """Add colours with their meaning, side by side."""
        for kind, words in entries:
            self.rect(x, y - 11, 13, 13, kind, 2)
            self.text(x + 19, y, words, "muted small")
            x += 19 + 7.0 * len(words) + gap

    def svg(self) -> str:
        """Return the picture."""
        shapes = "\n".join(self.shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img">\n<title>{escape(self.title)}</title>\n'
            f'<style>{STYLE}</style>\n<rect class="page" width="100%" height="100%" rx="8"/>\n{shapes}\n</svg>\n'
        )
