"""The J/TH table as text, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Sequence
from typing import Literal

import msgspec

from hashjoule.efficiency.table import TableRow
from hashjoule.power import UNMETERED
from hashjoule.report.numbers import hashrate, number
from hashjoule.report.text import columns

Format = Literal["text", "md", "csv", "json"]

HEADER = ("machine", "class", "shipped", "nm", "rate", "W", "J/TH", "x class", "x best", "source")
_LEFT = 3
WIDTH = 80
_LEAST_NAME = 20
"""A name has at least so many columns, whatever the others take."""


def render_table(rows: Sequence[TableRow], form: Format, *, makers: bool = False, sources: bool = False) -> str:
    """Return the rows in one of the four formats; CSV and JSON hold every field, unrounded.

    Args:
        rows: The rows.
        form: The format.
        makers: Text has a column of makers.
        sources: Text lists the sources below the table.
    """
    if form == "csv":
        return _csv(rows)
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()
    return _markdown(rows) if form == "md" else _text(rows, makers, sources)


def _text(rows: Sequence[TableRow], makers: bool, sources: bool) -> str:
    """Return a table of at most 80 columns: what the process node is and where a figure is from stand elsewhere."""
    header = ["class", "shipped", "rate", "W", "J/TH", "x best"]
    lines = [_short_cells(row) for row in rows]
    if makers:
        header.insert(0, "maker")
        lines = [[row.maker or "-", *line] for row, line in zip(rows, lines, strict=True)]
    taken = sum(max(map(len, column)) + 2 for column in zip(header, *lines, strict=True))
    width = max(_LEAST_NAME, WIDTH - taken)
    table: list[list[str]] = []
    for row, line in zip(rows, lines, strict=True):
        first, *more = _wrapped(row, width)
        table += [[first, *line], *([part, *[""] * len(line)] for part in more)]
    below = legend(rows)
    below += source_lines(rows) if sources else ["each row has a source: --sources lists them"]
    return "\n".join([columns(["machine", *header], table, left=3 if makers else 2), *below])


def _wrapped(row: TableRow, width: int) -> list[str]:
    """Return a name on one line, or with its mode on the next ones; marks stay with the model."""
    name = marked_name(row)
    if len(name) <= width:
        return [name]
    before, after = _marks(row)
    model = textwrap.wrap(f"{before}{row.model}", width - len(after), subsequent_indent="  ")
    mode = textwrap.wrap(f"({row.mode})", width - 2) if row.mode else []
    return [*model[:-1], model[-1] + after, *(f"  {part}" for part in mode)]


def _short_cells(row: TableRow) -> list[str]:
    """Return the cells of the text table, but for the name: months for days, M for millions."""
    texts = dict(zip(HEADER, cells(row), strict=False))
    energy, ratio = (texts[name].replace(" million", "M") for name in ("J/TH", "x best"))
    return [texts["class"], texts["shipped"][:7], texts["rate"], texts["W"], energy, ratio]


def source_lines(rows: Sequence[TableRow]) -> list[str]:
    """Return one line for each row: where its figures are from, and what there is to say about them."""
    lines = [""]
    for row in rows:
        via = f", via {row.via}" if row.via else ""
        note = f"; {row.note}" if row.note else ""
        lines.append(f"{row.name}: {row.source} ({row.source_date}){via}{note}")
    return lines


def _markdown(rows: Sequence[TableRow]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = line([":--" if i < _LEFT else "--:" for i in range(len(HEADER))])
    body = [
        line(
            [
                *cells(row),
                f"{f'[{host(row)}]({row.source})' if '://' in row.source else row.source}, {row.source_date}",
            ]
        )
        for row in rows
    ]
    marks = "; ".join(legend(rows))
    return "\n".join([line(HEADER), rule, *body, *(["", f"{marks}."] if marks else [])])


def _csv(rows: Sequence[TableRow]) -> str:
    names = [field.encode_name for field in msgspec.structs.fields(TableRow)]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(msgspec.to_builtins(row) for row in rows)
    return out.getvalue().rstrip("\n")


def marked_name(row: TableRow) -> str:
    """Return the name of a row with its marks; `legend` says what they mean."""
    before, after = _marks(row)
    return f"{before}{row.name}{after}"


def _marks(row: TableRow) -> tuple[str, str]:
    """Return the marks before and after a name."""
    after = (" !" if row.announced else "") + (" ?" if row.quality == "low" else "")
    return "> " if row.origin == "measured" else "", after


def energy_cell(row: TableRow) -> str:
    """Return the J/TH of a row with its marks; `legend` says what they mean."""
    mark = "<=" if row.is_bound else "~" if row.power_basis in UNMETERED else ""
    return f"{mark}{number(row.j_per_th)}{'*' if row.deviates else ''}"


def cells(row: TableRow) -> list[str]:
    """Return what stands in the columns of HEADER, but for the source."""
    return [
        marked_name(row),
        row.machine_class,
        row.shipped or "-",
        "-" if row.node_nm is None else f"{row.node_nm:g}",
        hashrate(row.hashrate_hs),
        number(row.power_w),
        energy_cell(row),
        number(row.ratio_to_class_best),
        number(row.ratio_to_best),
    ]


def host(row: TableRow) -> str:
    """Return where a figure comes from, short enough for a column: the host, and on shared hosts whose page it is."""
    if "://" not in row.source:
        return row.source
    name, *path = row.source.split("://", 1)[1].split("/")
    shared = name in ("github.com", "gist.github.com", "medium.com", "pastebin.com")
    return f"{name}/{path[0]}" if shared and path else name.removeprefix("www.")


def legend(rows: Sequence[TableRow]) -> list[str]:
    """Return what the marks mean, for those that occur."""
    explained = (
        (any(row.origin == "measured" for row in rows), "> measured by you"),
        (any(row.is_bound for row in rows), "<= from a TDP or power limit: an upper bound"),
        (any(row.power_basis == "declared" for row in rows), "~ from a power that you declared"),
        (any(row.power_basis == "reported" for row in rows), "~ from the power that the device itself reports"),
        (any(row.deviates for row in rows), "* the source states a J/TH that differs by over 3%"),
        (any(row.announced for row in rows), "! announced, not known to ship"),
        (any(row.quality == "low" for row in rows), "? doubtful"),
        (any(row.j_per_th is None for row in rows), "- not known: no power published or measured, no J/TH"),
    )
    return [text for occurs, text in explained if occurs]
