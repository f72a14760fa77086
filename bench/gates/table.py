"""Tables in Markdown, and figures as they stand in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hashjoule.report.numbers import number


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; all columns but the first are numbers and stand to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "--:|" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def whole(value: float) -> str:
    """Return a count."""
    return f"{value:,.0f}"


def share(part: float, of: float) -> str:
    """Return a share in per cent."""
    return f"{100 * part / of:.1f}%"


def between(low: float, high: float) -> str:
    """Return an interval."""
    return f"{number(low)} to {number(high)}"
