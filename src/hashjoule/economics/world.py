"""Power, energy and emissions of the whole network, with the range in which they lie."""

from __future__ import annotations

from collections.abc import Sequence

from hashjoule.data import network as data
from hashjoule.data.network import HASHRATE, NetworkPoint
from hashjoule.economics import formulas
from hashjoule.economics.history import CBECI_PUE, FleetEfficiency, compared_with_published, fleet_efficiency
from hashjoule.economics.inputs import Given
from hashjoule.economics.sheet import GIVEN, Listing, Sheet, Value
from hashjoule.errors import UsageError

HEADER = ("month", "EH/s", "J/TH", "at best", "at worst", "GW", "GW at least", "GW at most", "published J/TH")
"""Columns of the listing. What is published is the fleet's efficiency without the overhead of the sites."""


def world_sheet(months: Sequence[str], given: Given) -> Sheet:
    """Return power, energy and emissions of the network in the last of some months; the newest month for none.

    All months are listed; for none, those for which an efficiency of the fleet is published.

    Raises:
        UsageError: For a month that the data set does not cover.
    """
    sheet = Sheet()
    point = data.latest(HASHRATE) if not months else _hashrate_of(months[-1])
    if given.network_ehs is not None:
        rate = sheet.put("network hash rate", given.network_ehs, "EH/s", GIVEN) * 1e18
    else:
        rate = sheet.put("network hash rate", point.value / 1e6, "EH/s", point.source_url, point.date) * 1e18
    fleet = fleet_efficiency(point.date)
    put_fleet_efficiency(sheet, fleet)
    pue = sheet.put("site overhead (PUE)", CBECI_PUE, "1", "assumed by CBECI")
    low, power, high = (formulas.fleet_power_w(rate, j) * pue for j in bounds(fleet))
    sheet.add("power", power / 1e9, "GW", low / 1e9, high / 1e9)
    energy = [formulas.energy_twh_per_year(w) for w in (low, power, high)]
    sheet.add("energy", energy[1], "TWh/year", energy[0], energy[2])
    _add_emissions(sheet, energy)
    published = {comparison.month: comparison.published_j_per_th for comparison in compared_with_published()}
    listed = sorted(set(months or published))
    sheet.listing = Listing(HEADER, tuple(_row(month, published.get(month)) for month in listed))
    return sheet


def _hashrate_of(month: str) -> NetworkPoint:
    point = data.at_month(HASHRATE, month)
    if point is None:
        raise UsageError(f"the data set has no hash rate for {month}; give a month as in 2024-06")
    return point


def _row(month: str, published: float | None) -> tuple[Value, ...]:
    """Return hash rate, efficiency of the fleet and power with the sites' overhead of a month, each with bounds."""
    rate, fleet = _hashrate_of(month).value * 1e12, fleet_efficiency(month)
    low, power, high = (formulas.fleet_power_w(rate, j) * CBECI_PUE / 1e9 for j in bounds(fleet))
    best, estimate, worst = bounds(fleet)
    return (month, rate / 1e18, estimate, best, worst, power, low, high, published)


def put_fleet_efficiency(sheet: Sheet, fleet: FleetEfficiency) -> None:
    """Note the estimate of the fleet's efficiency with its bounds."""
    sheet.put(
        "fleet efficiency, estimate",
        fleet.estimate_j_per_th,
        "J/TH",
        f"{fleet.machines} machines,",
        fleet.month,
    )
    sheet.put("  at best", fleet.best_j_per_th, "J/TH", fleet.best_machine, fleet.month)
    sheet.put("  at worst", fleet.worst_j_per_th, "J/TH", fleet.worst_machine, fleet.month)


def bounds(fleet: FleetEfficiency) -> tuple[float, float, float]:
    """Return the fleet's J/TH: at best, estimate, at worst."""
    return fleet.best_j_per_th, fleet.estimate_j_per_th, fleet.worst_j_per_th


def carbon_intensity() -> tuple[float, NetworkPoint]:
    """Return the emissions per energy of mining in Mt CO2e per TWh, and the figure that they are from."""
    emissions = data.latest("emissions")
    energy = data.at_month("network_energy", emissions.date)
    assert energy is not None
    return emissions.value / energy.value, emissions


def _add_emissions(sheet: Sheet, energy_twh: list[float]) -> None:
    intensity, source = carbon_intensity()
    sheet.put("carbon intensity", 1e3 * intensity, "g CO2e/kWh", source.source_url, source.date)
    share = data.latest("sustainable_share", "surveyed miners")
    sheet.put("sustainable energy of surveyed miners", share.value, "%", share.source_url, share.date)
    low, middle, high = (twh * intensity for twh in energy_twh)
    sheet.add("emissions", middle, "Mt CO2e/year", low, high)
    sheet.note(
        f"The carbon intensity is that of {source.date}: {source.value:g} Mt CO2e for the energy of that survey.",
        "The fleet's efficiency is the mean of the machines of the table that had shipped and earned their power; "
        "bounds: every machine as good as the best of them, or as bad as the worst.",
    )
