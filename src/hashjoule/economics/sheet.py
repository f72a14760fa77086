"""A calculation as data: its inputs with their sources, its results with their units, its notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

GIVEN = "given on the command line"

Value = float | int | str | None


@dataclass(frozen=True)
class Input:
    """A figure that a calculation stands on. `date` is what the figure is of, `source` where it is from."""

    name: str
    value: float
    unit: str
    source: str
    date: str = ""


@dataclass(frozen=True)
class Outcome:
    """A result. `low` and `high` are its bounds where it has some; a value of None means never, or not known."""

    name: str
    value: Value
    unit: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Listing:
    """A table among the results, such as one line per country."""

    header: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    left: int = 1
    """How many columns are words."""


@dataclass
class Sheet:
    """The inputs, results and notes of one calculation, in the order in which they are to be read."""

    inputs: list[Input] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    listing: Listing | None = None

    def put(self, name: str, value: float, unit: str, source: str, date: str = "") -> float:
        """Note an input and hand its value on."""
        self.inputs.append(Input(name, value, unit, source, date))
        return value

    def add(self, name: str, value: Value, unit: str = "", low: float | None = None, high: float | None = None) -> None:
        """Note a result."""
        self.outcomes.append(Outcome(name, value, unit, low, high))

    def note(self, *notes: str) -> None:
        """Add remarks, each once."""
        self.notes.extend(text for text in notes if text not in self.notes)

    def value(self, name: str) -> Value:
        """Return a result by its name."""
        return next(outcome.value for outcome in self.outcomes if outcome.name == name)


def document(sheet: Sheet) -> dict[str, object]:
    """Return a sheet as plain values, for JSON."""
    results: dict[str, dict[str, object]] = {}
    for outcome in sheet.outcomes:
        entry: dict[str, object] = {"value": outcome.value, "unit": outcome.unit}
        if outcome.low is not None or outcome.high is not None:
            entry |= {"low": outcome.low, "high": outcome.high}
        results[outcome.name] = entry
    inputs = [
        {"name": i.name, "value": i.value, "unit": i.unit, "source": i.source, "source_date": i.date or None}
        for i in sheet.inputs
    ]
    return {"inputs": inputs, "results": results, "notes": sheet.notes, **_rows(sheet.listing)}


def _rows(listing: Listing | None) -> dict[str, Sequence[object]]:
    if listing is None:
        return {}
    return {"rows": [dict(zip(listing.header, row, strict=True)) for row in listing.rows]}
