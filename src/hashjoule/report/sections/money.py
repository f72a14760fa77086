"""What a machine earns and costs: the values at which the sliders begin, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from hashjoule.efficiency import economics, sources
from hashjoule.efficiency.table import Row
from hashjoule.efficiency.trend import frontier
from hashjoule.report.document import linked
from hashjoule.report.numbers import number
from hashjoule.report.views import NOTABLE


def money_data(rows: Sequence[Row]) -> dict[str, Any]:
    """Return where the sliders begin, the newest of the data set, and the machines to choose from."""
    best = min(frontier(rows), key=lambda row: row.j_per_th or 0.0)
    named = [row for row in rows if row.origin == "published" and row.name in NOTABLE["frontier"]]
    chosen = [*(row for row in rows if row.origin == "measured"), best, *(row for row in named if row is not best)]
    metered = sorted((row for row in chosen if row.j_per_th), key=lambda row: row.j_per_th or 0.0)
    start = next((row for row in metered if row.origin == "measured"), best)
    return {
        "price": sources.median_electricity_price().price_usd_per_kwh,
        "btc": sources.latest("btc_price_monthly_mean").value,
        "network": sources.latest("network_hashrate_monthly_mean").value / 1e6,
        "subsidy_btc": sources.subsidy_eras()[-1].subsidy_btc,
        "blocks_per_day": economics.BLOCKS_PER_DAY,
        "machines": [
            {"name": row.name, "hashrate_hs": row.hashrate_hs, "j_per_th": row.j_per_th, "start": row is start}
            for row in [*metered, *(row for row in chosen if not row.j_per_th)]
        ],
    }


def money_sources() -> str:
    """Return the sources of the values at which the sliders begin, as the entries of a list."""
    price, era = sources.median_electricity_price(), sources.subsidy_eras()[-1]
    bitcoin, network = sources.latest("btc_price_monthly_mean"), sources.latest("network_hashrate_monthly_mean")
    figures = (
        (f"Electricity: {price.price_usd_per_kwh:g} USD/kWh, the median of {price.region}", price.date, price),
        (f"Bitcoin: {number(bitcoin.value)} USD", bitcoin.date, bitcoin),
        (f"Network: {number(network.value / 1e6)} EH/s", network.date, network),
        (f"Subsidy: {era.subsidy_btc:g} BTC per block; fees are not counted", f"since {era.first_month}", era),
    )
    return "".join(
        f"<li>{escape(words)} ({escape(date)}): {linked(source.source_url)}</li>" for words, date, source in figures
    )
