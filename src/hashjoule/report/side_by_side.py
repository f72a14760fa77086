"""A few machines side by side: one column for each, one line for each fact."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from itertools import zip_longest

from hashjoule.efficiency.table import TableRow
from hashjoule.report.numbers import hashrate, number, power, times
from hashjoule.report.table import WIDTH, energy_cell, legend, marked_name, source_lines

MOST = 3
"""More machines than these have no room side by side."""

_FACTS: tuple[tuple[str, Callable[[TableRow], str]], ...] = (
    ("maker", lambda row: row.maker),
    ("class", lambda row: row.machine_class),
    ("first shipped", lambda row: row.shipped or ("announced" if row.announced else "")),
    ("process node", lambda row: f"{row.node_nm:g} nm" if row.node_nm else ""),
    ("chip", lambda row: row.chip),
    ("cooling", lambda row: row.cooling or ""),
    ("hash rate", lambda row: hashrate(row.hashrate_hs)),
    ("power", lambda row: power(row.power_w, 4)),
    ("power covers", lambda row: row.power_boundary or ""),
    ("power is", lambda row: row.power_basis or ""),
    ("J/TH", energy_cell),
    ("J/TH, as stated", lambda row: number(row.published_j_per_th)),
    ("of the class's best", lambda row: times(row.ratio_to_class_best)),
    ("of the best of all", lambda row: times(row.ratio_to_best)),
    ("quality of source", lambda row: row.quality or ""),
)
"""What stands in each line."""


def side_by_side(rows: Sequence[TableRow]) -> str:
    """Return up to three machines side by side, with how they compare to the first one, and their sources."""
    labels = [label for label, _ in _FACTS]
    room = (WIDTH - max(map(len, labels))) // len(rows) - 2
    lines = _line("", [marked_name(row) for row in rows], room)
    for label, read in _FACTS:
        lines += _line(label, [read(row) or "-" for row in rows], room)
    if len(rows) > 1:
        lines += _line("of the first's J/TH", [_against(rows[0], row) for row in rows], room)
        lines += _line("of its hash rate", [times(row.hashrate_hs / rows[0].hashrate_hs) for row in rows], room)
    width = max(len(label) for label, *_ in lines)
    table = ["  ".join([label.ljust(width), *(cell.ljust(room) for cell in cells)]).rstrip() for label, *cells in lines]
    return "\n".join([*table, *legend(rows), *source_lines(rows)])


def _line(label: str, values: Sequence[str], room: int) -> list[list[str]]:
    """Return the lines of text that one fact takes, each a label and a cell for each machine."""
    wrapped = [textwrap.wrap(value, room) for value in values]
    return [list(line) for line in zip_longest([label], *wrapped, fillvalue="")]


def _against(first: TableRow, row: TableRow) -> str:
    if first.j_per_th is None or row.j_per_th is None:
        return "-"
    return times(row.j_per_th / first.j_per_th)
