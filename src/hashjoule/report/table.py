"""The J/TH table as text, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Literal

import msgspec

from hashjoule.efficiency.table import Row
from hashjoule.report.text import columns, significant

Format = Literal["text", "md", "csv", "json"]

HEADER = ("machine", "class", "shipped", "nm", "rate", "W", "J/TH", "x class", "x best", "source")
_LEFT = 3


def render(rows: Sequence[Row], form: Format) -> str:
    """The rows in one of the four formats; CSV and JSON hold every field, unrounded."""
    if form == "csv":
        return _csv(rows)
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()
    return _markdown(rows) if form == "md" else _text(rows)


def rate(hashrate_hs: float) -> str:
    """A hash rate with the unit that suits it: 2.27 MH/s, 886 TH/s."""
    for unit, size in (("PH/s", 1e15), ("TH/s", 1e12), ("GH/s", 1e9), ("MH/s", 1e6), ("kH/s", 1e3)):
        if hashrate_hs >= size:
            return f"{significant(hashrate_hs / size)} {unit}"
    return f"{significant(hashrate_hs)} H/s"


def _text(rows: Sequence[Row]) -> str:
    sources = [f"{row.source_date:<10}  {host(row)}" for row in rows]
    width = max(map(len, sources), default=0)
    lines = [[*cells(row), source.ljust(width)] for row, source in zip(rows, sources, strict=True)]
    header = [*HEADER[:-1], HEADER[-1].ljust(width)]
    return "\n".join([columns(header, lines, left=_LEFT), *legend(rows)])


def _markdown(rows: Sequence[Row]) -> str:
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


def _csv(rows: Sequence[Row]) -> str:
    names = [field.encode_name for field in msgspec.structs.fields(Row)]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(msgspec.to_builtins(row) for row in rows)
    return out.getvalue().rstrip("\n")


def cells(row: Row) -> list[str]:
    """What stands in the columns of HEADER, but for the source; `legend` says what the marks mean."""
    marks = ("> " if row.origin == "measured" else "") + row.name + (" ?" if row.quality == "low" else "")
    j_per_th = significant(row.j_per_th)
    if row.is_bound:
        j_per_th = f"<={j_per_th}"
    elif row.power_basis in ("declared", "reported"):
        j_per_th = f"~{j_per_th}"
    return [
        marks, row.machine_class, row.shipped or "-", "-" if row.node_nm is None else f"{row.node_nm:g}",
        rate(row.hashrate_hs), significant(row.power_w), j_per_th + ("*" if row.deviates else ""),
        significant(row.ratio_to_class_best), significant(row.ratio_to_best),
    ]  # fmt: skip


def host(row: Row) -> str:
    """Where a figure comes from, short enough for a column: the host, and on shared hosts whose page it is."""
    if "://" not in row.source:
        return row.source
    name, *path = row.source.split("://", 1)[1].split("/")
    shared = name in ("github.com", "gist.github.com", "medium.com", "pastebin.com")
    return f"{name}/{path[0]}" if shared and path else name.removeprefix("www.")


def legend(rows: Sequence[Row]) -> list[str]:
    """What the marks mean, for those that occur."""
    explained = (
        (any(row.origin == "measured" for row in rows), "> measured by you"),
        (any(row.is_bound for row in rows), "<= from a TDP or power limit: an upper bound"),
        (any(row.power_basis == "declared" for row in rows), "~ from a power that you declared"),
        (any(row.power_basis == "reported" for row in rows), "~ from the power that the device itself reports"),
        (any(row.deviates for row in rows), "* the source states a J/TH that differs by over 3 %"),
        (any(row.quality == "low" for row in rows), "? doubtful"),
        (any(row.j_per_th is None for row in rows), "- not known: no power published or measured, no J/TH"),
    )
    return [text for occurs, text in explained if occurs]
