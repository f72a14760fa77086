"""What a machine earns and costs: the values at which the sliders begin, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from hashjoule.economics.formulas import BLOCKS_PER_DAY
from hashjoule.economics.inputs import Given, Network, put_electricity, put_network
from hashjoule.economics.sheet import Sheet
from hashjoule.efficiency.table import TableRow
from hashjoule.efficiency.trend import frontier
from hashjoule.report.document import linked
from hashjoule.report.numbers import unpadded
from hashjoule.report.views import NOTABLE


def money_data(rows: Sequence[TableRow]) -> dict[str, Any]:
    """Return where the sliders begin, the newest of the data set, and the machines to choose from."""
    best = min(frontier(rows), key=lambda row: row.j_per_th or 0.0)
    named = [row for row in rows if row.origin == "published" and row.name in NOTABLE["frontier"]]
    chosen = [*(row for row in rows if row.origin == "measured"), best, *(row for row in named if row is not best)]
    metered = sorted((row for row in chosen if row.j_per_th), key=lambda row: row.j_per_th or 0.0)
    start = next((row for row in metered if row.origin == "measured"), best)
    _, price, network = _defaults()
    return {
        "price": price,
        "btc": network.btc_usd,
        "network": network.hashrate_hs / 1e18,
        "btc_per_block": network.btc_per_block,
        "blocks_per_day": BLOCKS_PER_DAY,
        "machines": [
            {"name": row.name, "hashrate_hs": row.hashrate_hs, "j_per_th": row.j_per_th, "start": row is start}
            for row in [*metered, *(row for row in chosen if not row.j_per_th)]
        ],
    }


def money_sources() -> str:
    """Return the sources of the values at which the sliders begin, as the entries of a list."""
    sheet, _, _ = _defaults()
    return "".join(
        f"<li>{escape(i.name.capitalize())}: {unpadded(i.value)} {escape(i.unit)} ({escape(i.date)}): "
        f"{linked(i.source)}</li>"
        for i in sheet.inputs
    )


def _defaults() -> tuple[Sheet, float, Network]:
    """Return the newest figures of the data set, noted with their sources."""
    sheet = Sheet()
    return sheet, put_electricity(sheet, None, None), put_network(sheet, Given())
