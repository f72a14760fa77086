"""Small charts as HTML with inline SVG: bars with intervals, and the waterfall.

Lengths are percentages of the width that the page has, so that nothing is scaled and letters keep their size on a
phone; what is text stands beside the picture as text.
"""

from __future__ import annotations

import math
from html import escape
from itertools import groupby

from hashjoule.efficiency.explain import Explanation
from hashjoule.records.schema import Record, Result
from hashjoule.report.table import rate
from hashjoule.report.waterfall import LABELS, Step, joules, short, steps, tick, times

_ROOM = 96.0
"""Per cent of the width that the longest bar takes, so that the end of its interval stays inside."""


def rate_bars(record: Record) -> str:
    """Every result as a bar with its 95 % interval, grouped by backend, device and threads; one scale from zero."""
    longest = max((result.hashrate_hs.ci95_high for result in record.results), default=1.0)
    groups = groupby(record.results, key=lambda result: _heading(record, result))
    return "\n".join(
        f'<h3 class="bars-head">{escape(heading)}</h3>\n' + "\n".join(_rate_bar(result, longest) for result in results)
        for heading, results in groups
    )


def _heading(record: Record, result: Result) -> str:
    parts = [result.backend]
    if result.device not in ("cpu", record.machine.cpu):
        parts.append(f"on {result.device}")
    cores = record.cores_of(result)
    if cores > 1:
        parts.append(f"on {cores} cores")
    return " ".join(parts)


def _rate_bar(result: Result, longest: float) -> str:
    measured = result.hashrate_hs
    value, low, high = (_ROOM * x / longest for x in (measured.median, measured.ci95_low, measured.ci95_high))
    interval = f"{rate(measured.ci95_low)} to {rate(measured.ci95_high)}"
    return _line(
        result.mode,
        f'<rect class="bar {result.mode}" x="0" y="15%" width="{value:.2f}%" height="70%"/>{_whisker(low, high)}',
        f"<b>{rate(measured.median)}</b> <small>{interval}</small>",
    )


def waterfall(explanation: Explanation) -> str:
    """The chain from the machine down to the best ASIC on a logarithmic axis, one line a factor."""
    subject, best = explanation.subject, explanation.best
    shown = [step for step in steps(explanation) if step.factor.ratio != 1]
    ends = [level for step in shown for level in (step.after, step.before / step.factor.high)]
    low = math.floor(math.log10(min([best.j_per_th, *ends])))
    high = math.ceil(math.log10(max([subject.j_per_th, *(step.before / step.factor.low for step in shown)])))
    axis = _LogAxis(low, max(high, low + 1))
    return "\n".join(
        [
            _line("", axis.ticks(), "", "axis"),
            _line("This machine", axis.dot(subject.j_per_th, "machine"), f"<b>{joules(subject.j_per_th)} J/TH</b>"),
            *(_step(axis, step) for step in shown),
            _line("Best ASIC", axis.dot(best.j_per_th, "best"), f"<b>{joules(best.j_per_th)} J/TH</b>"),
        ]
    )


def waterfall_title(explanation: Explanation) -> str:
    """What the waterfall shows, as a headline."""
    return f"{short(explanation.subject.name)}: {times(float(explanation.gap))} times the energy of the best ASIC"


class _LogAxis:
    """Energies as percentages of the width, from one power of ten to another."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def at(self, j_per_th: float) -> float:
        return 100 * (math.log10(j_per_th) - self._low) / (self._high - self._low)

    def grid(self) -> str:
        """A line at every power of ten."""
        places = (self.at(10.0**decade) for decade in range(self._low, self._high + 1))
        return "".join(f'<line class="grid" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="100%"/>' for x in places)

    def ticks(self) -> str:
        """At most four powers of ten by name: as many as a phone has room for."""
        every = max(1, math.ceil((self._high - self._low) / 3))
        names = []
        for decade in range(self._low, self._high + 1, every):
            anchor = "start" if decade == self._low else "end" if decade == self._high else "middle"
            x = self.at(10.0**decade)
            names.append(f'<text class="{anchor}" x="{x:.2f}%" y="80%">{tick(10.0**decade)}</text>')
        return "".join(names)

    def dot(self, j_per_th: float, kind: str) -> str:
        return f'{self.grid()}<circle class="{kind}" cx="{self.at(j_per_th):.2f}%" cy="50%" r="6.5"/>'


def _step(axis: _LogAxis, step: Step) -> str:
    left, right = sorted((axis.at(step.after), axis.at(step.before)))
    kind = "rest" if step.factor.name == "rest" else "step"
    bar = f'<rect class="{kind}" x="{left:.2f}%" y="18%" width="{right - left:.2f}%" height="64%"/>'
    whisker = _whisker(axis.at(step.before / step.factor.high), axis.at(step.before / step.factor.low))
    interval = f"{times(step.factor.low)} to {times(step.factor.high)}"
    value = f"<b>÷ {times(float(step.factor.ratio))}</b> <small>{interval}</small>"
    return _line(LABELS[step.factor.name], axis.grid() + bar + whisker, value)


def _whisker(low: float, high: float) -> str:
    """An interval: a thin line with ends, on a halo in the colour of the page."""
    low, high = max(0.0, low), min(100.0, high)
    strokes = ((low, high, 50, 50), (low, low, 30, 70), (high, high, 30, 70))
    return "".join(
        f'<line class="{kind}" x1="{x1:.2f}%" x2="{x2:.2f}%" y1="{y1}%" y2="{y2}%"/>'
        for kind in ("halo", "whisker")
        for x1, x2, y1, y2 in strokes
    )


def _line(name: str, drawing: str, value: str, kind: str = "") -> str:
    """A line of a chart: its name, its picture and its value; the picture says nothing that the text does not."""
    return (
        f'<div class="line {kind}"><span class="name">{escape(name)}</span>'
        f'<svg aria-hidden="true" focusable="false">{drawing}</svg><span class="value">{value}</span></div>'
    )
