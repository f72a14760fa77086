"""Charts of horizontal bars as HTML with inline SVG: hash rates with intervals, and the factors of an explanation.

Lengths are percentages of the width that the page has, so that nothing is scaled and letters keep their size on a
phone. What is text stands beside the picture as text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from hashjoule.efficiency.explain.types import Explanation
from hashjoule.records.schema import Record, Result
from hashjoule.report.numbers import count, hashrate, number, tick
from hashjoule.report.views import short_name
from hashjoule.report.waterfall import LABELS, Step, steps

_LONGEST = 96.0
"""Per cent of the width that the longest bar takes, so that the end of its interval stays inside."""
_TICKS = 4
"""Named grid lines of the energy axis: as many as a phone has room for."""


def rate_bars(record: Record) -> str:
    """Return every result as a bar with its 95% interval, grouped by backend, device and cores, on one scale from 0.

    The group with the fastest result comes first.
    """
    longest = max((result.hashrate_hs.ci95_high for result in record.results), default=1.0)
    groups: dict[str, list[Result]] = {}
    for result in sorted(record.results, key=lambda result: -result.hashrate_hs.median):
        groups.setdefault(_heading(record, result), []).append(result)
    return "\n".join(
        f'<h4 class="bars-head">{escape(heading)}</h4>\n' + "\n".join(_rate_bar(result, longest) for result in results)
        for heading, results in groups.items()
    )


def _heading(record: Record, result: Result) -> str:
    parts = [result.backend]
    if result.device not in ("cpu", record.machine.cpu):
        parts.append(f"on {result.device}")
    cores = record.cores_of(result)
    if cores:
        parts.append(f"on {count(cores, 'core')}")
    return " ".join(parts)


def _rate_bar(result: Result, longest: float) -> str:
    rate = result.hashrate_hs
    return bar_line(result.mode, result.mode, rate.median, (rate.ci95_low, rate.ci95_high), longest)


def bar_line(name: str, kind: str, rate_hs: float, interval_hs: tuple[float, float] | None, longest_hs: float) -> str:
    """Return a hash rate as a bar with its name and value.

    Args:
        name: What stands before the bar.
        kind: The class of the bar, which has its colour: plain or rolled.
        rate_hs: The rate, in H/s.
        interval_hs: The ends of its interval; None if it has none.
        longest_hs: The rate that takes the whole width.
    """
    drawing = f'<rect class="bar {kind}" x="0" y="15%" width="{_LONGEST * rate_hs / longest_hs:.2f}%" height="70%"/>'
    words = f"<b>{hashrate(rate_hs)}</b>"
    if interval_hs:
        low, high = interval_hs
        drawing += _whisker(_LONGEST * low / longest_hs, _LONGEST * high / longest_hs)
        words += f" <small>{hashrate(low)} to {hashrate(high)}</small>"
    return _line(name, drawing, words)


def factor_bars(explanation: Explanation) -> str:
    """Return the chain from a machine down to the best ASIC on a logarithmic axis, one line for each factor."""
    subject, best = explanation.subject, explanation.best
    shown = [step for step in steps(explanation) if step.factor.ratio != 1]
    axis = _LogAxis.around([subject.j_per_th, best.j_per_th, *_reach(shown)])
    return "\n".join(
        [
            _line("", axis.tick_names(), "", "axis"),
            _line(
                short_name(subject.name),
                axis.dot(subject.j_per_th, "machine"),
                f"<b>{number(subject.j_per_th)} J/TH</b>",
            ),
            *(_step(axis, step) for step in shown),
            _line("Best ASIC", axis.dot(best.j_per_th, "best"), f"<b>{number(best.j_per_th)} J/TH</b>"),
        ]
    )


def _reach(shown: Iterable[Step]) -> Iterable[float]:
    """Every energy that a bar or its interval reaches to."""
    for step in shown:
        yield from (step.after, step.before / step.factor.high, step.before / step.factor.low)


@dataclass(frozen=True, slots=True)
class _LogAxis:
    """Energies as percentages of the width, between two powers of ten, with the grid lines that fit."""

    low: float
    high: float
    grid_j_per_th: tuple[float, ...]

    @classmethod
    def around(cls, levels: list[float]) -> _LogAxis:
        """Return the axis that holds all levels: whole decades, or, for less than two of them, parts of a decade."""
        low, high = math.log10(min(levels)), math.log10(max(levels))
        digits = (1.0,) if high - low > 1.6 else (1.0, 2.0, 5.0)
        marks = [d * 10.0**decade for decade in range(math.floor(low) - 1, math.ceil(high) + 1) for d in digits]
        first = max(mark for mark in marks if mark <= 10**low * (1 + 1e-9))
        last = min(mark for mark in [*marks, 10.0 ** math.ceil(high)] if mark >= 10**high * (1 - 1e-9) and mark > first)
        return cls(math.log10(first), math.log10(last), tuple(mark for mark in marks if first <= mark <= last))

    def at(self, j_per_th: float) -> float:
        return 100 * (math.log10(j_per_th) - self.low) / (self.high - self.low)

    def grid(self) -> str:
        places = (self.at(j_per_th) for j_per_th in self.grid_j_per_th)
        return "".join(f'<line class="grid" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="100%"/>' for x in places)

    def tick_names(self) -> str:
        """Name as many of the grid lines as there is room for."""
        every = max(1, math.ceil((len(self.grid_j_per_th) - 1) / (_TICKS - 1)))
        names = []
        for j_per_th in self.grid_j_per_th[::every]:
            x = self.at(j_per_th)
            anchor = "start" if x < 1 else "end" if x > 99 else "middle"
            names.append(f'<text class="{anchor}" x="{x:.2f}%" y="80%">{tick(j_per_th)}</text>')
        return "".join(names)

    def dot(self, j_per_th: float, kind: str) -> str:
        return f'{self.grid()}<circle class="{kind}" cx="{self.at(j_per_th):.2f}%" cy="50%" r="6.5"/>'


def _step(axis: _LogAxis, step: Step) -> str:
    left, right = sorted((axis.at(step.after), axis.at(step.before)))
    kind = "rest" if step.factor.name == "rest" else "step"
    bar = f'<rect class="{kind}" x="{left:.2f}%" y="18%" width="{right - left:.2f}%" height="64%"/>'
    whisker = _whisker(axis.at(step.before / step.factor.high), axis.at(step.before / step.factor.low))
    interval = f"{number(step.factor.low)} to {number(step.factor.high)}"
    value = f"<b>÷ {number(float(step.factor.ratio))}</b> <small>{interval}</small>"
    return _line(LABELS[step.factor.name], axis.grid() + bar + whisker, value)


def _whisker(low: float, high: float) -> str:
    """Draw an interval: a thin line with ends, on a halo in the colour of the page."""
    low, high = max(0.0, low), min(100.0, high)
    strokes = ((low, high, 50, 50), (low, low, 30, 70), (high, high, 30, 70))
    return "".join(
        f'<line class="{kind}" x1="{x1:.2f}%" x2="{x2:.2f}%" y1="{y1}%" y2="{y2}%"/>'
        for kind in ("halo", "whisker")
        for x1, x2, y1, y2 in strokes
    )


def _line(name: str, drawing: str, value: str, kind: str = "") -> str:
    """Return a line of a chart: name, picture and value. The picture says nothing that the text does not."""
    return (
        f'<div class="line {kind}"><span class="name">{escape(name)}</span>'
        f'<svg aria-hidden="true" focusable="false">{drawing}</svg><span class="value">{value}</span></div>'
    )
