"""The picture of docs/gauge.md: how narrow the interval of a gauged rate gets, and how long that takes.

`python -m bench.gauge_picture [FILE]` writes docs/gauge.png. Nothing is measured: the intervals are those of the
gauge's own formula for the expected number of shares.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

from hashjoule.gauge.poisson import WeightedSum, relative_half_width, shares_for
from hashjoule.report import palette

mpl.use("Agg")

from matplotlib import pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = Path(__file__).parent.parent / "docs" / "gauge.png"
WANTED = 0.02
RATES = {0.1: palette.QUIET, 1.0: palette.YOURS, 10.0: palette.CLASSES["asic"], 100.0: palette.CLASSES["fpga"]}
"""Shares a second, and the colour of their line."""
TIMES_S = {10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 10800: "3 h", 86400: "1 day"}
WIDTHS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
FEWEST = 12
"""A line begins at so many shares: with fewer the interval is far from symmetrical."""


def main() -> None:
    """Draw the picture."""
    figure, axes = pyplot.subplots(figsize=(8, 4.6), layout="constrained")
    figure.set_facecolor(palette.PAPER.light)
    axes.set_facecolor(palette.PAPER.light)
    for per_s, colour in RATES.items():
        _draw_line(axes, per_s, colour.light)
    axes.axhline(WANTED, color=palette.MUTED.light, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set(xscale="log", yscale="log", xlim=(10, 86400), ylim=(0.005, 0.6))
    axes.set_xticks(list(TIMES_S), list(TIMES_S.values()))
    axes.set_yticks(WIDTHS, [f"±{100 * width:g}%" for width in WIDTHS])
    axes.minorticks_off()
    axes.grid(color=palette.RULE.light, linewidth=0.6)
    axes.tick_params(length=0, pad=7, colors=palette.MUTED.light)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title("How long must a miner be gauged?", loc="left", fontsize=13, color=palette.INK.light)
    axes.set_xlabel("length of the count", color=palette.MUTED.light)
    axes.set_ylabel("95% interval of the hash rate", color=palette.MUTED.light)
    figure.savefig(sys.argv[1] if len(sys.argv) > 1 else FILE, dpi=150, pil_kwargs={"optimize": True})


def _draw_line(axes: Axes, per_s: float, colour: str) -> None:
    """Draw the half-width against time at so many shares a second, with the time that ±2% takes."""
    counts = [round(FEWEST * 1.15**step) for step in range(120)]
    points = [(shares / per_s, _half_width(shares)) for shares in counts if 10 <= shares / per_s <= 86400]
    axes.plot(*zip(*points, strict=True), color=colour, linewidth=2.4 if per_s == 1 else 1.6)
    name = "1 share/s (default)" if per_s == 1 else f"{per_s:g} shares/s"
    at_s, width = (
        points[0] if per_s > 1 else next(point for point in points if point[1] < (0.30 if per_s == 1 else 0.2))
    )
    axes.annotate(name, (at_s, width), (7, 3), textcoords="offset points", color=colour, fontsize=9)
    if (enough_s := shares_for(WANTED) / per_s) < 86400:
        axes.plot(enough_s, WANTED, "o", color=colour, markersize=6)
        axes.annotate(
            f"±2% after\n{_words(enough_s)}", (enough_s, WANTED), (-5, -7), textcoords="offset points",
            ha="right", va="top", color=colour, fontsize=9,
        )  # fmt: skip


def _half_width(shares: int) -> float:
    return relative_half_width(WeightedSum(shares, shares, shares, 1.0))


def _words(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


if __name__ == "__main__":
    main()
