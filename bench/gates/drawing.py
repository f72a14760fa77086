"""A few shapes as SVG text, in colours for light and dark backgrounds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from hashjoule.report import palette
from hashjoule.report.numbers import tick

_MARKS = {
    "a": palette.CLASSES["asic"], "b": palette.YOURS, "c": palette.BEST, "e": palette.QUIET,
}  # fmt: skip
"""Classes of the colours of data."""
_TEXTS = {"ink": palette.INK, "muted": palette.MUTED, "title": palette.INK, **_MARKS}


def _colours(theme: palette.Theme) -> str:
    """Return the colours of all classes on light or dark paper."""
    fills = {"page": palette.PAPER, "card": palette.PANEL, **_TEXTS}
    strokes = {"grid": palette.RULE, "rule": palette.MUTED, **{f"{name}-line": mark for name, mark in _MARKS.items()}}
    rules = [f".{name} {{ fill: {getattr(colour, theme)}; }}" for name, colour in fills.items()]
    rules += [f".{name} {{ stroke: {getattr(colour, theme)}; fill: none; }}" for name, colour in strokes.items()]
    return " ".join(rules)


STYLE = f"""
svg {{ font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; font-size: 16px; }}
.title {{ font-size: 19px; font-weight: 600; }} .strong {{ font-weight: 600; }} .small {{ font-size: 14px; }}
{_colours("light")}
@media (prefers-color-scheme: dark) {{ {_colours("dark")} }}
"""


@dataclass(frozen=True)
class LogAxis:
    """A logarithmic axis from left to right: from `low` at `left` to `high` at `right`, in pixels."""

    low: float
    high: float
    left: float
    right: float

    def at(self, value: float) -> float:
        """Return where a value stands."""
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return self.left + part * (self.right - self.left)

    def powers(self, step: int = 1) -> list[float]:
        """Return the powers of ten on the axis, each `step`-th."""
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        return [10.0**power for power in range(first, last + 1) if power % step == 0]


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
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{round_}/>'
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
        self.shapes.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def lines(self, x: float, y: float, words: Iterable[str], kind: str = "muted small", step: float = 19) -> None:
        """Add lines of text below each other."""
        for number, line in enumerate(words):
            self.text(x, y + number * step, line, kind)

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, str]], gap: float = 24) -> None:
        """Add colours with their meaning, side by side."""
        for kind, words in entries:
            self.rect(x, y - 11, 13, 13, kind, 2)
            self.text(x + 19, y, words, "muted small")
            x += 19 + 7.0 * len(words) + gap

    def scale(self, axis: LogAxis, top: float, bottom: float, step: int = 1) -> None:
        """Add grid lines of an axis with their numbers below."""
        for power in axis.powers(step):
            self.line(axis.at(power), top, axis.at(power), bottom, "grid")
            self.text(axis.at(power), bottom + 18, tick(power), "muted small", "middle")

    def svg(self) -> str:
        """Return the picture."""
        shapes = "\n".join(self.shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img">\n<title>{escape(self.title)}</title>\n'
            f'<style>{STYLE}</style>\n<rect class="page" width="100%" height="100%" rx="8"/>\n{shapes}\n</svg>\n'
        )
