"""Plain text tables and paragraphs, the same on a terminal and in a file."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 80
"""Columns of the narrowest terminal that output is made for."""


def wrapped(sentence: str) -> str:
    """Return a sentence in lines that fit a terminal of 80 columns; words and URLs stay whole."""
    return textwrap.fill(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)


def columns(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return aligned columns: the first `left` ones to the left, the others to the right; the last has no padding."""
    table = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = []
    for row in table:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
