"""Mining at a place: delivered price, stranded energy, heat that is sold."""

from __future__ import annotations

from dataclasses import dataclass

from hashjoule.economics import formulas
from hashjoule.economics.inputs import Given, Miner, put_miner, put_network
from hashjoule.economics.sheet import GIVEN, Sheet


@dataclass(frozen=True)
class Place:
    """What power and heat cost at a place. The price of generation may be zero or less: curtailed power."""

    generation_usd_per_kwh: float
    transmission_usd_per_kwh: float = 0.0
    stranded_mw: float | None = None
    heat_usd_per_kwh: float = 0.0
    heat_sold: float = 0.0


def place_sheet(miner: Miner, watts: float | None, place: Place, given: Given) -> Sheet:
    """Return what mining earns per kWh at a place, and what stranded power would carry."""
    sheet = Sheet()
    miner = put_miner(sheet, miner, watts)
    power_w = miner.watts
    revenue = put_network(sheet, given).revenue_usd_per_day(miner.hashrate_hs)
    sheet.put("generation price", place.generation_usd_per_kwh, "USD/kWh", GIVEN)
    for name, value, unit in (
        ("transmission price", place.transmission_usd_per_kwh, "USD/kWh"),
        ("heat price", place.heat_usd_per_kwh, "USD/kWh"),
        ("part of the heat sold", place.heat_sold, "1"),
    ):
        sheet.put(name, value, unit, GIVEN if value else "default")
    delivered = formulas.delivered_usd_per_kwh(place.generation_usd_per_kwh, place.transmission_usd_per_kwh)
    heat = formulas.heat_value_usd_per_kwh(place.heat_usd_per_kwh, place.heat_sold)
    break_even = formulas.break_even_usd_per_kwh(revenue, power_w)
    margin = break_even - delivered + heat
    sheet.add("delivered price", delivered, "USD/kWh")
    sheet.add("heat sold back", heat, "USD/kWh")
    sheet.add("mining earns", break_even, "USD/kWh")
    sheet.add("margin", margin, "USD/kWh")
    sheet.add("margin of a machine", margin * formulas.energy_kwh_per_day(power_w), "USD/day")
    if place.stranded_mw is not None:
        number = formulas.machines_on(sheet.put("stranded power", place.stranded_mw, "MW", GIVEN) * 1e6, power_w)
        sheet.add("machines on it", number)
        sheet.add("their hash rate", number * miner.hashrate_hs / 1e15, "PH/s")
        sheet.add("their margin", margin * formulas.energy_kwh_per_day(power_w) * number, "USD/day")
    sheet.note("Power for part of the day earns that part only; purchase and upkeep are not counted.")
    return sheet
