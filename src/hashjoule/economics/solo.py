"""A block of one's own: the expected time, and the chance of one."""

from __future__ import annotations

from hashjoule.economics import formulas
from hashjoule.economics.inputs import Given, Miner, put_difficulty, put_miner
from hashjoule.economics.sheet import Sheet

_RARE = 0.01
"""Chances below this are said as "1 in N": a small per cent figure is hard to picture."""


def solo_sheet(miner: Miner, watts: float | None, given: Given) -> Sheet:
    """Return the expected time to a block, and the chances within a day and a year."""
    sheet = Sheet()
    put_miner(sheet, miner, watts)
    expected = formulas.expected_block_seconds(miner.hashrate_hs, put_difficulty(sheet, given))
    year = formulas.HOURS_PER_YEAR * 3600
    sheet.add("expected time to a block", expected / 86_400, "days")
    sheet.add("the same", expected / year, "years")
    for name, seconds in (("a day", 86_400.0), ("a year", year)):
        chance = formulas.block_probability(seconds, expected)
        sheet.add(f"chance within {name}", 100 * chance, "%")
        if chance < _RARE:
            sheet.add(f"chance within {name}, in words", f"1 in {1 / chance:,.0f}")
    return sheet
