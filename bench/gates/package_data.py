"""The counts that hashjoule ships: src/hashjoule/data/gates.csv, for the bottom-up line of `hashjoule explain`."""

from __future__ import annotations

import csv
import io

from bench.gates.counts import REGISTERS
from bench.gates.results import ROOT, Results

TARGET = ROOT / "src" / "hashjoule" / "data" / "gates.csv"
MIDSTATES = (1, 2, 4)


def csv_text(results: Results) -> str:
    """Return the rows: the pipeline with shortcuts and ripple adders for each number of midstates.

    The interval is that of one midstate, for which every model of delays and both kinds of adders were counted.
    """
    low, high = results.spread()
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(
        (
            *("circuit", "midstates", "gates", "registers", "useful_transitions", "glitches", "register_changes"),
            *("clock_edges", "events", "events_low", "events_high", "source_url", "source_date", "note"),
        )
    )
    for midstates in MIDSTATES:
        count = results.of(f"shortcuts-ripple-{midstates}")
        useful, events = count.sum("useful"), count.events()
        figures = (
            *(sum(count.cells.values()) - count.registers, count.registers, useful, count.sum("all") - useful),
            *(count.sum("useful", REGISTERS), 2 * count.registers * count.cycles_per_hash),
            *(events, events * low, events * high),
        )
        note = f"counted by python -m bench.gates with {results.yosys}"
        writer.writerow(
            (count.variant, midstates, *(f"{figure:.0f}" for figure in figures), "results/gates.md", results.date, note)
        )
    return written.getvalue()
