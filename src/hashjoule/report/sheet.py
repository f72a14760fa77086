"""A calculation as text: results first, then what it stands on; sources come last, so that tables fit a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from hashjoule.economics.sheet import Input, Listing, Outcome, Sheet, Value
from hashjoule.report.numbers import number, unpadded
from hashjoule.report.text import columns

WIDTH = 80
_LONG_HEAD = 8
"""Column heads longer than this stand on two lines where they can."""


def sheet_text(sheet: Sheet) -> str:
    """Return a sheet as text of at most 80 columns; only the addresses of sources may be longer."""
    parts = [_listing(sheet.listing)] if sheet.listing else []
    parts.append(_results(sheet.outcomes))
    sources = list(dict.fromkeys(entry.source for entry in sheet.inputs if "://" in entry.source))
    parts.append(_inputs(sheet.inputs, sources))
    parts += [textwrap.fill(f"Note: {note}", WIDTH) for note in sheet.notes]
    if sources:
        parts.append("\n".join(f"[{place}] {source}" for place, source in enumerate(sources, start=1)))
    return "\n\n".join(parts)


def _results(outcomes: Sequence[Outcome]) -> str:
    """Every result with its unit, and its range if any has one."""
    rows = [(o.name, o.unit, _value(o.value, o.unit)) for o in outcomes]
    if all(outcome.low is None for outcome in outcomes):
        return columns(("result", "unit", "value"), rows, left=2)
    spans = ["" if o.low is None else f"{number(o.low)} to {number(o.high)}" for o in outcomes]
    ranged = [(*row, span) for row, span in zip(rows, spans, strict=True)]
    return columns(("result", "unit", "value", "range"), ranged, left=2)


def _value(value: Value, unit: str = "") -> str:
    """Format a value for readers; a time that never comes is "never"."""
    if value is None:
        return "never" if unit == "days" else "-"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else number(value)


def _inputs(inputs: Sequence[Input], sources: Sequence[str]) -> str:
    """List what the calculation stands on, each with its date and the number of its source below."""
    rows = [(i.name, i.unit, unpadded(i.value), _origin(i, sources)) for i in inputs]
    width = max(len(origin) for *_, origin in rows)
    aligned = [(*row, origin.ljust(width)) for *row, origin in rows]
    return columns(("input", "unit", "value", "from".ljust(width)), aligned, left=2)


def _origin(entry: Input, sources: Sequence[str]) -> str:
    place = f"[{sources.index(entry.source) + 1}]" if entry.source in sources else entry.source
    return f"{place} {entry.date}" if entry.date else place


def _listing(listing: Listing) -> str:
    """Format a table whose long column heads stand on two lines."""
    upper, lower = zip(*map(_head, listing.header), strict=True)
    rows = [[_value(value) for value in row] for row in listing.rows]
    return columns(upper, [lower, *rows], left=listing.left)


def _head(name: str) -> tuple[str, str]:
    first, space, last = name.rpartition(" ")
    return (first, last) if space and len(name) > _LONG_HEAD else ("", name)
