"""All machines, published and measured: the filters, the chart and the sortable table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from hashjoule.efficiency.table import TableRow
from hashjoule.report.chart import chart, chart_figure, chart_row, mark_sample, source_url
from hashjoule.report.document import fragment
from hashjoule.report.table import HEADER, cells, host, legend
from hashjoule.report.views import CLASS_NAMES, View, source_note, view_of

COLUMNS = (
    ("machine", "name"), ("J/TH", "j_per_th"), ("rate", "hashrate_hs"), ("W", "power_w"), ("class", "class"),
    ("shipped", "shipped"), ("nm", "node_nm"), ("x class", "class_ratio"), ("x best", "ratio"), ("maker", "maker"),
)  # fmt: skip
"""The sortable columns in the order of the page, J/TH where a phone still shows it; what each sorts by in `_row`."""
TEXTS = ("machine", "class", "shipped", "maker")
"""The columns that hold no numbers."""


def published_section(rows: Sequence[TableRow]) -> str:
    """Return the section of the table and its chart. Rows come sorted by J/TH."""
    view = view_of(rows, "frontier")
    return fragment(
        "published.html",
        title=escape(view.title),
        classes=_class_boxes(rows),
        makers="".join(f"<option>{escape(maker)}</option>" for maker in _makers(rows)),
        chart=chart_figure(view),
        head=_table_head(),
        body="\n".join(_table_row(index, row) for index, row in enumerate(rows)),
        legend=escape("; ".join(legend(rows))),
        source=escape(source_note(rows)),
    )


def published_data(rows: Sequence[TableRow]) -> dict[str, Any]:
    """Return what the scripts of the section work with."""
    view: View = view_of(rows, "frontier")
    return {"rows": [_row(row) for row in rows], **chart(view, rows)}


def _row(row: TableRow) -> dict[str, Any]:
    return {
        **chart_row(row, "frontier"),
        "maker": row.maker,
        "chip": row.chip,
        "shipped": row.shipped,
        "class_ratio": row.ratio_to_class_best,
        "ratio": row.ratio_to_best,
    }


def _class_boxes(rows: Sequence[TableRow]) -> str:
    return "".join(
        f'<label class="class"><input type="checkbox" name="class" value="{name}" checked>'
        f"{mark_sample(name)}{plural}</label>"
        for name, plural in CLASS_NAMES.items()
        if any(row.machine_class == name for row in rows)
    )


def _makers(rows: Sequence[TableRow]) -> list[str]:
    return sorted({row.maker for row in rows if row.maker}, key=str.casefold)


def _table_head() -> str:
    sortable = "".join(
        f'<th scope="col"{_numeric(name)}{_sorted(key)}><button type="button" data-sort="{key}">{name}</button></th>'
        for name, key in COLUMNS
    )
    return f'{sortable}<th scope="col">source</th>'


def _sorted(key: str) -> str:
    """Rows come sorted by J/TH."""
    return ' aria-sort="ascending"' if key == "j_per_th" else ""


def _numeric(column: str) -> str:
    return "" if column in TEXTS else ' class="number"'


def _table_row(index: int, row: TableRow) -> str:
    texts = dict(zip(HEADER, cells(row), strict=False)) | {"maker": row.maker}
    inner = "".join(f"<td{_numeric(name)}>{escape(texts[name])}</td>" for name, _ in COLUMNS[1:])
    marked = ' class="measured"' if row.origin == "measured" else ""
    shown = re.sub(r"(?<=[/.-])", "<wbr>", escape(host(row)))
    link = f'<a href="{escape(row.source)}">{shown}</a>' if source_url(row) else shown
    return f'<tr{marked} data-row="{index}"><th scope="row">{escape(texts["machine"])}</th>{inner}<td>{link}</td></tr>'
