"""What the sections of all records share: their frame, heading, and how the power was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from hashjoule.records.schema import Record, Result
from hashjoule.report.document import fragment, sentence

NamedRecord = tuple[str, Record]
"""The name of a record's file, and the record."""

_METHODS = {
    "counter": "read from an energy counter",
    "sampled": "the mean of sampled power",
    "reported": "reported by the device itself",
    "bound": "an upper bound",
}
_SCOPES = {
    "package": "of the CPU package",
    "board": "of the board",
    "device": "of the device",
    "system": "of the whole machine",
    "wall": "at the wall",
}


def record_section(
    index: int,
    named: NamedRecord,
    heading: str,
    *,
    facts: Iterable[tuple[str, str]],
    finding: str,
    caption: str,
    bars: str,
    notes: Iterable[str],
) -> str:
    """Return the section of a record.

    Args:
        index: The number of the record on the page; the navigation leads to number 0.
        named: The record and the name of its file.
        heading: What the section is about.
        facts: Terms and what is known of them.
        finding: What the bars show, in a sentence.
        caption: Markup that says how to read the bars.
        bars: Markup of the bars.
        notes: Sentences below the bars.
    """
    name, record = named
    return fragment(
        "machine.html",
        anchor=' id="machine"' if index == 0 else "",
        index=str(index),
        heading=escape(heading),
        facts="".join(f"<div><dt>{escape(term)}</dt><dd>{escape(fact)}</dd></div>" for term, fact in facts),
        warnings=_titled_list("Warnings", record.conditions.warnings) or '<p class="muted">No warnings.</p>',
        refused=_titled_list("Refused", [refusal.reason for refusal in record.refused]),
        finding=escape(finding),
        caption=caption,
        bars=bars,
        notes="".join(f'<p class="source">{sentence(note)}</p>' for note in notes),
        file=escape(name),
    )


def headings(names: Sequence[str], records: Sequence[Record]) -> list[str]:
    """Return a heading for each record: its name, with the time of the measurement where several have the same name."""
    several = Counter(names)
    found = [name if several[name] == 1 else f"{name}, {time_of(r)}" for name, r in zip(names, records, strict=True)]
    twice = Counter(found)
    return [f"{heading} (record {i})" if twice[heading] > 1 else heading for i, heading in enumerate(found, 1)]


def time_of(record: Record) -> str:
    """Return when a record was made, for readers."""
    return record.created[:16].replace("T", " ") + (" UTC" if record.created.endswith("Z") else "")


def power_note(results: Sequence[Result]) -> str:
    """Return how the power of the results was found; nothing if there is none."""
    found = sorted({(r.energy.method, r.energy.scope, r.energy.source) for r in results if r.energy})
    return " ".join(_power_sentence(*parts) for parts in found)


def _power_sentence(method: str, scope: str, source: str) -> str:
    if method == "declared":
        return "The power was declared by the person who measured; no meter was read."
    return f"Power {_SCOPES.get(scope, scope)}: {_METHODS[method]} ({source})."


def _titled_list(title: str, entries: Sequence[str]) -> str:
    """Return a list under a heading; nothing if it is empty."""
    items = "".join(f"<li>{sentence(entry)}</li>" for entry in entries)
    return f'<div class="warnings"><h3>{title}</h3><ul>{items}</ul></div>' if entries else ""
