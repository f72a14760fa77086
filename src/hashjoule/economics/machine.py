"""What one machine earns: break-even price, profit, pay-back, with pool fee, uptime and growing difficulty."""

from __future__ import annotations

from dataclasses import dataclass

from hashjoule.economics import formulas
from hashjoule.economics.inputs import Given, Miner, put_electricity, put_miner, put_network
from hashjoule.economics.sheet import GIVEN, Sheet

_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Terms:
    """The terms on which a machine mines. Parts are fractions: 0.02 is 2%."""

    price_usd_per_kwh: float | None = None
    region: str | None = None
    pool_fee: float = 0.0
    uptime: float = 1.0
    growth_per_year: float = 0.0
    cost_usd: float | None = None


def machine_sheet(miner: Miner, watts: float | None, terms: Terms, given: Given) -> Sheet:
    """Return what a machine earns a day, and for how long."""
    sheet = Sheet()
    miner = put_miner(sheet, miner, watts)
    power_w = miner.watts
    network = put_network(sheet, given)
    price = put_electricity(sheet, terms.price_usd_per_kwh, terms.region)
    kept = _put_terms(sheet, terms)
    revenue = network.revenue_usd_per_day(miner.hashrate_hs) * kept
    electricity = formulas.energy_kwh_per_day(power_w) * price * terms.uptime
    profit = revenue - electricity
    break_even = formulas.break_even_usd_per_kwh(revenue, power_w) / terms.uptime
    sheet.add("break-even electricity price", break_even, "USD/kWh")
    sheet.add("revenue", revenue, "USD/day")
    sheet.add("electricity", electricity, "USD/day")
    sheet.add("profit", profit, "USD/day")
    energy = formulas.energy_kwh_per_btc(miner.j_per_th, network.hashrate_hs, network.btc_per_block)
    sheet.add("hash price", network.hash_price_usd_per_ph_day, "USD/PH/day")
    sheet.add("electricity per bitcoin", energy * price / (kept / terms.uptime), "USD/BTC")
    sheet.add("efficiency", miner.j_per_th, "J/TH")
    _add_future(sheet, terms, revenue, electricity)
    if price < 0:
        sheet.note("A negative price is earned: what the plant pays for its power to be used.")
    elif price == 0:
        sheet.note("Curtailed power costs nothing here; the revenue is what each kWh of it can earn.")
    return sheet


def _put_terms(sheet: Sheet, terms: Terms) -> float:
    """Note fee, uptime and growth; return the part of the revenue that is left."""
    for name, value, default in (
        ("pool fee", terms.pool_fee, 0.0),
        ("uptime", terms.uptime, 1.0),
        ("growth of the difficulty a year", terms.growth_per_year, 0.0),
    ):
        sheet.put(name, 100 * value, "%", "default" if value == default else GIVEN)
    return (1 - terms.pool_fee) * terms.uptime


def _add_future(sheet: Sheet, terms: Terms, revenue: float, electricity: float) -> None:
    """Note how long the profit lasts, and when the purchase is earned back."""
    growth = terms.growth_per_year
    if growth:
        year = formulas.profit_under_growth_usd(revenue, electricity, growth, _YEAR_DAYS)
        sheet.add("profit of the first year", year, "USD")
        sheet.add("days until it earns nothing", formulas.days_until_loss(revenue, electricity, growth), "days")
    else:
        sheet.note("At constant difficulty and price; difficulty has risen in most years (--growth counts that).")
    if terms.cost_usd is not None:
        sheet.put("purchase price", terms.cost_usd, "USD", GIVEN)
        days = (
            formulas.payback_days_under_growth(terms.cost_usd, revenue, electricity, growth)
            if growth
            else formulas.payback_days(terms.cost_usd, revenue - electricity)
        )
        sheet.add("pay-back time", days, "days")
