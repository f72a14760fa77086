"""The explanation of an energy gap as a waterfall: as text, and as a picture (SVG or PNG) by matplotlib."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashjoule.efficiency.explain.types import Explanation, Factor, Subject
from hashjoule.errors import UnavailableError, UsageError
from hashjoule.files import written
from hashjoule.report import palette
from hashjoule.report.counted import counted_sources, counted_text
from hashjoule.report.numbers import number, tick
from hashjoule.report.text import columns
from hashjoule.report.views import short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 80
_BAR_CHARACTERS = 18

LABELS = {
    "wider instructions": "Wider instructions",
    "operations per hash": "Operations per hash",
    "instruction overhead": "Instruction overhead",
    "process node": "Process node",
    "supply voltage": "Supply voltage",
    "AsicBoost": "AsicBoost",
    "rest": "Rest, unexplained",
    "newer chips, undocumented": "Newer chips",
}
"""The names of the factors beside their bars."""


@dataclass(frozen=True)
class Step:
    """One factor as a stretch of the energy axis, from `before` down to `after` in J/TH."""

    factor: Factor
    before: float
    after: float


def steps(explanation: Explanation) -> list[Step]:
    """Return the chain from the machine's energy to that of the best ASIC."""
    found, level = [], explanation.subject.j_per_th
    for factor in explanation.factors:
        after = level / float(factor.ratio)
        found.append(Step(factor, level, after))
        level = after
    return found


def headline(explanation: Explanation) -> str:
    """Return the gap as a headline; where the power is a bound, the gap is one, too."""
    bound = "at most " if explanation.subject.basis == "upper bound" else ""
    gap = number(float(explanation.gap))
    return f"{short_name(explanation.subject.name)}: {bound}{gap} times the energy of the best ASIC"


def waterfall_text(explanation: Explanation) -> str:
    """Return the waterfall as lines of text, the assumptions and sources of the factors below."""
    found = steps(explanation)
    levels = [level for step in found for level in (step.before, step.after)]
    rows = [
        (
            LABELS[step.factor.name],
            _text_bar(step, min(levels), max(levels)),
            _short(float(step.factor.ratio)),
            f"{_short(step.factor.low)} to {_short(step.factor.high)}",
            _short(step.after),
        )
        for step in found
    ]
    gap = f"The gap is {number(float(explanation.gap))} times; the factors multiply to it exactly."
    table = columns(("factor", "on a log scale", "divides by", "interval", "J/TH left"), rows, left=2)
    told = [f for f in explanation.factors if f.ratio != 1 or f.low != f.high]
    notes = [f"{LABELS[f.name]}: {f.note}." for f in told]
    sources = [f"{side.name}: {side.source}" for side in _sides(explanation)]
    sources += [f"{LABELS[f.name]}: {f.source}" for f in told]
    heads = [f"{side.name}: {number(side.j_per_th)} J/TH ({side.basis})" for side in _sides(explanation)]
    sources += counted_sources(explanation.subject)
    below = ["", counted_text(explanation.subject), "", "Sources", *map(_wrapped, sources)]
    parts = [*heads, gap, "", table, "", *map(_wrapped, notes), *below]
    return "\n".join(parts)


def _short(value: float) -> str:
    """Format a number for a narrow column."""
    return number(value).replace(" million", "M")


def _wrapped(words: str) -> str:
    """Wrap a paragraph to the width of a terminal; addresses stay in one piece."""
    return textwrap.fill(words, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _sides(explanation: Explanation) -> list[Subject]:
    """Return the machine, where the model ends, and the best ASIC; each once."""
    return list(dict.fromkeys((explanation.subject, explanation.reference, explanation.best)))


def _text_bar(step: Step, lowest: float, highest: float) -> str:
    """Return the step's stretch of the axis, the machine at the right end."""
    span = math.log(highest / lowest) or 1.0
    left, right = sorted(
        round(_BAR_CHARACTERS * math.log(level / lowest) / span) for level in (step.after, step.before)
    )
    return (" " * left + ("#" * (right - left) or "|")).ljust(_BAR_CHARACTERS + 1)


def draw_waterfall(explanation: Explanation, path: Path) -> None:
    """Draw the waterfall into an SVG or PNG file.

    Raises:
        UsageError: For another kind of file, or one that cannot be written.
        UnavailableError: Without matplotlib.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in ("svg", "png"):
        raise UsageError(f"{path} must end in .svg or .png")
    try:
        import matplotlib as mpl
    except ImportError:
        raise UnavailableError("pictures need matplotlib: pip install 'hashjoule[plot]'") from None
    style: Any = {"font.family": "sans-serif", "font.size": 11, "svg.fonttype": "path", "svg.hashsalt": "hashjoule"}
    picture = io.BytesIO()
    with mpl.rc_context(style):
        metadata = {"Date": None} if form == "svg" else None
        waterfall_figure(explanation).savefig(picture, format=form, dpi=160, metadata=metadata)
    try:
        with written(picture.getvalue(), path.parent) as new:
            new.chmod(0o644)
            new.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


_INK, _MUTED, _GRID = palette.INK.light, palette.MUTED.light, palette.RULE.light
_MACHINE, _STEP, _REST, _BEST = (c.light for c in (palette.YOURS, palette.STEP, palette.QUIET, palette.BEST))


def waterfall_figure(explanation: Explanation) -> Any:
    """Return the waterfall as a matplotlib figure."""
    from matplotlib.figure import Figure

    shown = [step for step in steps(explanation) if step.factor.ratio != 1]
    height = 2.75 + 0.5 * (len(shown) + 2)
    figure = Figure(figsize=(10, height), facecolor="white")
    axes = figure.add_axes((0.215, 1.15 / height, 0.755, 1 - 2.15 / height))
    _frame(axes, explanation, shown)
    _bars(axes, explanation, shown)
    _ends(axes, explanation, len(shown) + 1)
    _words(figure, explanation, height)
    return figure


def _words(figure: Any, explanation: Explanation, height: float) -> None:
    """Write headline and subtitle above, what both ends rest on below."""
    title = headline(explanation)
    ends = "  ".join(_end_note(side) for side in _sides(explanation))
    lines = (
        (1 - 0.40 / height, title, min(17.0, 17.0 * 60 / len(title)), _INK, "bold"),
        (
            1 - 0.78 / height,
            "From the machine down to the best ASIC: each step divides the energy that is left. "
            "Thin lines show its interval.",
            11,
            _MUTED,
            "normal",
        ),
        (0.42 / height, ends, 9, _MUTED, "normal"),
        (0.20 / height, "Sources and assumptions of every step: hashjoule explain.", 9, _MUTED, "normal"),
    )
    for y, words, size, colour, weight in lines:
        figure.text(0.03, y, words, fontsize=size, color=colour, fontweight=weight, va="center")


def _end_note(side: Subject) -> str:
    return f"{short_name(side.name)}: {number(side.j_per_th)} J/TH ({side.basis})."


def _ends(axes: Axes, explanation: Explanation, last: int) -> None:
    """Draw the machine above and the best ASIC below as points: a bar has no natural beginning on a log scale."""
    ends = ((0, explanation.subject.j_per_th, _MACHINE), (last, explanation.best.j_per_th, _BEST))
    for row, level, colour in ends:
        axes.plot([level], [row], marker="o", markersize=13, color=colour)
        _label(axes, level, row, f"{number(level)} J/TH", color=colour, fontweight="bold")


def _bars(axes: Axes, explanation: Explanation, shown: Sequence[Step]) -> None:
    """Draw every step that changes something, from top to bottom, joined by thin lines."""
    levels = [explanation.subject.j_per_th, *(step.after for step in shown)]
    for row, level in enumerate(levels):
        axes.plot([level] * 2, [row, row + 1], color=_GRID, linewidth=1.4, zorder=1)
    for row, step in enumerate(shown, start=1):
        low, high = sorted((step.before, step.after))
        unexplained = step.factor.name == "rest"
        axes.barh(
            row,
            high - low,
            left=low,
            height=0.56,
            color="white" if unexplained else _STEP,
            edgecolor=_REST if unexplained else _STEP,
            hatch="////" if unexplained else None,
            zorder=2,
        )
        _interval(axes, row, step)
        _label(axes, max(high, step.before / step.factor.low), row, f"÷ {number(float(step.factor.ratio))}", color=_INK)


def _label(axes: Axes, level: float, row: int, words: str, **style: Any) -> None:
    """Write words a little to the right of a point of the energy axis."""
    axes.annotate(words, (level, row), xytext=(11, 0), textcoords="offset points", va="center", **style)


def _interval(axes: Axes, row: int, step: Step) -> None:
    """Draw a thin line from the energy that the smallest factor would leave to what the largest would."""
    ends = [step.before / step.factor.high, step.before / step.factor.low]
    if ends[1] / ends[0] > 1.02:
        for colour, width in (("white", 3.2), (_INK, 1.2)):
            axes.plot(
                ends,
                [row, row],
                color=colour,
                linewidth=width,
                marker="|",
                markersize=7 + width,
                markeredgewidth=width,
                zorder=3,
            )


def _frame(axes: Axes, explanation: Explanation, shown: Sequence[Step]) -> None:
    """Set scale, grid and the names of the rows."""
    axes.set_xscale("log")
    low, high = _limits(explanation, shown)
    axes.set_xlim(low, high * (high / low) ** 0.24)  # room for the machine's label
    names = ["This machine", *(LABELS[step.factor.name] for step in shown), "Best ASIC"]
    axes.set_yticks(range(len(names)), names, color=_INK)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.minorticks_off()
    axes.set_xticks(energy_ticks(*axes.get_xlim()))
    axes.xaxis.set_major_formatter(lambda value, _: tick(value))
    axes.set_xlabel("joules per terahash (logarithmic)", color=_MUTED)
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", which="both", length=0)
    axes.tick_params(axis="x", colors=_MUTED)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def _limits(explanation: Explanation, shown: Sequence[Step]) -> tuple[float, float]:
    """Return the ends of the energy axis: a little more than all that is drawn."""
    reached = [explanation.subject.j_per_th, explanation.best.j_per_th]
    reached += [step.before / bound for step in shown for bound in (step.factor.low, step.factor.high)]
    return min(reached) / 1.25, max(reached) * 1.05


_TICK_DIGITS: tuple[tuple[float, ...], ...] = (
    (1,),
    (1, 2, 5),
    (1, 1.5, 2, 3, 4, 5, 6, 8),
    tuple(tenths / 10 for tenths in range(10, 100)),
)
"""First digits of grid lines, from a wide axis to a narrow one."""


def energy_ticks(low: float, high: float) -> list[float]:
    """Return the grid lines of a logarithmic axis from `low` to `high`: the coarsest choice that has at least three."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    choices = [[digit * 10.0**decade for decade in decades for digit in digits] for digits in _TICK_DIGITS]
    inside = [[mark for mark in marks if low <= mark <= high] for marks in choices]
    marks = next((marks for marks in inside if len(marks) >= 3), inside[-1])
    return marks[:: math.ceil(len(marks) / 12)]
