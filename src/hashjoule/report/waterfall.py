"""The explanation of the energy gap as a waterfall: in text, and as a picture (SVG or PNG)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashjoule.efficiency.explain import Explanation, Factor
from hashjoule.errors import UnavailableError, UsageError
from hashjoule.report.text import columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR_CHARACTERS = 44


@dataclass(frozen=True)
class Step:
    """One factor as a stretch of the energy axis, from ``before`` down to ``after`` in J/TH."""

    factor: Factor
    before: float
    after: float


def steps(explanation: Explanation) -> list[Step]:
    """The chain from the machine's energy to the best ASIC's."""
    found, level = [], explanation.subject.j_per_th
    for factor in explanation.factors:
        after = level / float(factor.ratio)
        found.append(Step(factor, level, after))
        level = after
    return found


def joules(value: float) -> str:
    """An energy in J/TH for readers: 9.45, 4,490, 28.6 million."""
    if value >= 1e6:
        return f"{value / 1e6:,.3g} million"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def times(value: float) -> str:
    """A ratio for readers: 1.17, 22, 4,550, 3.03 million."""
    if value >= 1e6:
        return f"{value / 1e6:,.3g} million"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def text(explanation: Explanation) -> str:
    """The waterfall as lines of text, the sources below."""
    subject, best = explanation.subject, explanation.best
    found = steps(explanation)
    levels = [level for step in found for level in (step.before, step.after)]
    rows = [
        (
            step.factor.name,
            _bar(step, min(levels), max(levels)),
            f"x {times(float(step.factor.ratio))}",
            f"{times(step.factor.low)} to {times(step.factor.high)}",
            joules(step.after),
        )
        for step in found
    ]
    head = (
        f"{subject.name}: {joules(subject.j_per_th)} J/TH ({subject.basis}; {subject.source})\n"
        f"{best.name}: {joules(best.j_per_th)} J/TH ({best.basis}; {best.source})\n"
        f"The gap is {times(float(explanation.gap))} times; the factors multiply to it exactly."
    )
    table = columns(("factor", "on a log scale", "ratio", "interval", "J/TH left"), rows, left=2)
    notes = "\n".join(f"{f.name}: {f.note}. Source: {f.source}." for f in explanation.factors)
    return f"{head}\n\n{table}\n\n{notes}"


def _bar(step: Step, lowest: float, highest: float) -> str:
    """The step's stretch of the axis, the machine at the right end."""
    span = math.log(highest / lowest) or 1.0
    left, right = sorted(
        round(_BAR_CHARACTERS * math.log(level / lowest) / span) for level in (step.after, step.before)
    )
    return (" " * left + ("#" * (right - left) or "|")).ljust(_BAR_CHARACTERS + 1)


def draw(explanation: Explanation, path: Path) -> None:
    """Draw the waterfall into an SVG or PNG file.

    Raises:
        UsageError: for another kind of file, or one that cannot be written.
        UnavailableError: without matplotlib.
    """
    if path.suffix.lower() not in (".svg", ".png"):
        raise UsageError(f"{path} must end in .svg or .png")
    try:
        import matplotlib
    except ImportError:
        raise UnavailableError("pictures need matplotlib: pip install 'hashjoule[plot]'") from None
    matplotlib.use("Agg")
    style: Any = {"font.family": "sans-serif", "font.size": 11, "svg.fonttype": "path", "svg.hashsalt": "hashjoule"}
    with matplotlib.rc_context(style):
        figure = _figure(explanation)
        try:
            metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
            figure.savefig(path, dpi=160, metadata=metadata)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def tick(value: float) -> str:
    """A short energy for the axis: 10, 10,000, 10M."""
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"


_INK, _MUTED, _GRID = "#1f2933", "#66727f", "#dde3e8"
_MACHINE, _STEP, _REST, _BEST = "#b5432a", "#2f6690", "#9aa5b1", "#3a7d44"
LABELS = {
    "wider instructions": "Wider instructions",
    "operations per hash": "Operations per hash",
    "instruction overhead": "Instruction overhead",
    "process node": "Process node",
    "supply voltage": "Supply voltage",
    "AsicBoost": "AsicBoost",
    "rest": "Rest, unexplained",
}


def _figure(explanation: Explanation) -> Any:
    from matplotlib.figure import Figure

    subject, best = explanation.subject, explanation.best
    shown = [step for step in steps(explanation) if step.factor.ratio != 1]
    height = 2.75 + 0.5 * (len(shown) + 2)
    figure = Figure(figsize=(10, height), facecolor="white")
    axes = figure.add_axes((0.215, 1.15 / height, 0.755, 1 - 2.15 / height))
    _steps(axes, explanation, shown)
    _ends(axes, explanation, len(shown) + 1)
    _frame(axes, explanation, shown)
    headline = f"{short(subject.name)}: {times(float(explanation.gap))} times the energy of the best ASIC"
    lines = (
        (1 - 0.40 / height, headline, min(17.0, 17.0 * 60 / len(headline)), _INK, "bold"),
        (1 - 0.78 / height, "From the machine down to the best ASIC: each step divides the energy that is left. "
         "Thin lines show its interval.", 11, _MUTED, "normal"),
        (0.42 / height, f"{short(subject.name)}: {joules(subject.j_per_th)} J/TH ({subject.basis}).  "
         f"{best.name}: {joules(best.j_per_th)} J/TH ({best.basis}).", 9, _MUTED, "normal"),
        (0.20 / height, "Sources and assumptions of every step: hashjoule explain.", 9, _MUTED, "normal"),
    )  # fmt: skip
    for y, words, size, colour, weight in lines:
        figure.text(0.03, y, words, fontsize=size, color=colour, fontweight=weight, va="center")
    return figure


def short(name: str, length: int = 36) -> str:
    """A name that fits a headline: what stands in brackets goes first."""
    if len(name) > length:
        name = name.partition(" (")[0]
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def _ends(axes: Axes, explanation: Explanation, last: int) -> None:
    """The machine above and the best ASIC below, as points: a bar has no natural beginning on a log scale."""
    ends = ((0, explanation.subject.j_per_th, _MACHINE), (last, explanation.best.j_per_th, _BEST))
    for row, level, colour in ends:
        axes.plot([level], [row], marker="o", markersize=13, color=colour)
        _label(axes, level, row, f"{joules(level)} J/TH", color=colour, fontweight="bold")


def _steps(axes: Axes, explanation: Explanation, shown: Sequence[Step]) -> None:
    """Every step that changes something, from top to bottom, joined by thin lines."""
    levels = [explanation.subject.j_per_th, *(step.after for step in shown)]
    for row, level in enumerate(levels):
        axes.plot([level] * 2, [row, row + 1], color=_GRID, linewidth=1.4, zorder=1)
    for row, step in enumerate(shown, start=1):
        low, high = sorted((step.before, step.after))
        unexplained = step.factor.name == "rest"
        axes.barh(row, high - low, left=low, height=0.56, color="white" if unexplained else _STEP, zorder=2,
                  edgecolor=_REST if unexplained else _STEP, hatch="////" if unexplained else None)  # fmt: skip
        _interval(axes, row, step)
        end = max(high, step.before / step.factor.low)
        _label(axes, end, row, f"÷ {times(float(step.factor.ratio))}", color=_INK)


def _label(axes: Axes, level: float, row: int, words: str, **style: Any) -> None:
    """Words a little to the right of a point of the energy axis."""
    axes.annotate(words, (level, row), xytext=(11, 0), textcoords="offset points", va="center", **style)


def _interval(axes: Axes, row: int, step: Step) -> None:
    """A thin line from the energy that the smallest factor would leave to what the largest would."""
    ends = [step.before / step.factor.high, step.before / step.factor.low]
    if ends[1] / ends[0] > 1.02:
        for colour, width in (("white", 3.2), (_INK, 1.2)):
            axes.plot(ends, [row, row], color=colour, linewidth=width, marker="|", markersize=7 + width,
                      markeredgewidth=width, zorder=3)  # fmt: skip


def _floor(explanation: Explanation, shown: Sequence[Step]) -> float:
    """Left end of the energy axis: a little below everything that is drawn."""
    lowest = min([explanation.best.j_per_th] + [step.before / step.factor.high for step in shown])
    return float(10 ** (math.floor(2 * math.log10(lowest / 1.3)) / 2))


def _frame(axes: Axes, explanation: Explanation, shown: Sequence[Step]) -> None:
    """Scale, grid and row names."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_xscale("log")
    floor, top = _floor(explanation, shown), explanation.subject.j_per_th
    axes.set_xlim(floor, top * (top / floor) ** 0.24)  # room for the machine's label
    names = ["This machine", *(LABELS[step.factor.name] for step in shown), "Best ASIC published"]
    axes.set_yticks(range(len(names)), names, color=_INK)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("joules per terahash (logarithmic)", color=_MUTED)
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", which="both", length=0)
    axes.tick_params(axis="x", colors=_MUTED)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
