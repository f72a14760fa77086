"""The interactive chart: a view as data for `assets/chart.js`, in the report's page or in a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any

import msgspec

from hashjoule.efficiency.table import TableRow
from hashjoule.report.document import document, embedded, fragment
from hashjoule.report.numbers import hashrate, power
from hashjoule.report.table import host
from hashjoule.report.views import (
    CLASS_NAMES,
    View,
    ViewName,
    date_of,
    energy_text,
    is_hollow,
    label_of,
    quantity,
    source_note,
    view_of,
)

CHART_SCRIPTS = ("numbers.js", "chart.js")


def chart_page(rows: Sequence[TableRow], name: ViewName) -> str:
    """Return a self-contained HTML page with the interactive chart of a view."""
    view = view_of(rows, name)
    data = {"rows": [chart_row(row, name) for row in rows], **chart(view, rows)}
    return document(
        "plot.html",
        ("theme.js", *CHART_SCRIPTS, "plot.js"),
        title=escape(view.title),
        chart=chart_figure(view, source_note(rows), _legend(view)),
        data=embedded(msgspec.json.encode(data).decode()),
    )


def chart_figure(view: View, source: str = "", legend: str = "") -> str:
    """Return the markup in which the script draws a view; `legend` is markup, too."""
    caption = f"{view.caption} {source}".strip()
    return fragment("chart.html", subtitle=escape(view.subtitle), caption=escape(caption), legend=legend)


def mark_sample(kind: str) -> str:
    """Return the markup of a mark beside its name."""
    return f'<svg class="mark" aria-hidden="true" viewBox="-8 -8 16 16"><path class="{kind}" data-mark="{kind}"/></svg>'


def _legend(view: View) -> str:
    published = {row.machine_class for row in view.rows if row.origin == "published"}
    names = {str(name): plural for name, plural in CLASS_NAMES.items() if name in published}
    if any(row.origin == "measured" for row in view.rows):
        names["yours"] = "your measurements"
    marks = "".join(f"<span>{mark_sample(kind)}{name}</span>" for kind, name in names.items())
    return f'<p class="legend">{marks}</p>'


def chart(view: View, rows: Sequence[TableRow]) -> dict[str, Any]:
    """Return the axes, the lines and the labelled rows of a view; rows are given by their number."""
    number = {id(row): index for index, row in enumerate(rows)}
    return {
        "x": asdict(view.x),
        "y": asdict(view.y),
        "lines": [
            {"kind": line.kind, "class": line.machine_class, "points": line.points, "text": line.text}
            for line in view.lines
        ],
        "labelled": [number[id(row)] for row in view.labelled],
    }


def chart_row(row: TableRow, name: ViewName) -> dict[str, Any]:
    """Return what the chart shows of a row: its place on the axes of each view, its mark, label and note."""
    return {
        "name": row.name,
        "class": row.machine_class,
        "year": quantity(row, "year") if date_of(row) else None,
        "node_nm": row.node_nm,
        "hashrate_hs": row.hashrate_hs,
        "power_w": row.power_w,
        "j_per_th": row.j_per_th,
        "measured": row.origin == "measured",
        "hollow": is_hollow(row),
        "label": ", ".join(label_of(row, name)) if row.j_per_th else "",
        "facts": _facts(row),
        "url": source_url(row),
        "host": host(row),
    }


def source_url(row: TableRow) -> str:
    """Return the address of a published source, if it is one that a browser should open; else nothing."""
    return row.source if row.origin == "published" and row.source.startswith(("https://", "http://")) else ""


def _facts(row: TableRow) -> list[str]:
    date = date_of(row)
    when = f"{'measured' if row.origin == 'measured' else 'shipped'} {date}" if date else ""
    node = f"{row.node_nm:g} nm" if row.node_nm else ""
    watts = power(row.power_w) if row.power_w else ""
    energy = energy_text(row) if row.j_per_th else "J/TH not known"
    return [fact for fact in (row.maker, when, hashrate(row.hashrate_hs), watts, energy, node) if fact]
