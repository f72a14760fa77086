"""Hash rate and power by country, and how concentrated the network is."""

from __future__ import annotations

from collections.abc import Sequence

from hashjoule.data import network as data
from hashjoule.data.network import HASHRATE, CountryShare
from hashjoule.economics import formulas
from hashjoule.economics.history import FleetEfficiency, fleet_efficiency
from hashjoule.economics.inputs import Miner
from hashjoule.economics.sheet import GIVEN, Listing, Sheet, Value
from hashjoule.economics.world import bounds
from hashjoule.errors import UsageError

HEADER = ("country", "date", "kind", "share %", "EH/s", "GW", "GW at least", "GW at most")
_LIST_SIZE = 3
"""Fewer countries than these are no list of the network."""


def countries_sheet(date: str | None, network_ehs: float | None) -> Sheet:
    """Return the newest measured list of countries (or that of a date), and its concentration.

    Raises:
        UsageError: If there is no list of that date.
    """
    sheet = Sheet()
    day = newest_list(date)
    network = _put_network_at(sheet, day, network_ehs)
    shares = list_of(day)
    summary = formulas.concentration({share.country: share.share_percent for share in shares})
    sheet.add(f"largest share, {summary.largest}", summary.largest_percent, "%")
    sheet.add("listed together", summary.listed_percent, "%")
    sheet.add("Herfindahl-Hirschman index, at least", summary.hhi_low, "of 10,000")
    sheet.add("Herfindahl-Hirschman index, at most", summary.hhi_high, "of 10,000")
    sheet.add("Nakamoto coefficient (fewest with over half)", summary.nakamoto, "countries")
    _note_fleet(sheet, fleet_efficiency(day))
    sheet.listing = Listing(HEADER, tuple(_row(share, network) for share in shares), left=3)
    return sheet


def country_sheet(country: str, network_ehs: float | None, miner: Miner | None = None) -> Sheet:
    """Return a country's shares over time, and what the newest measured one implies.

    Raises:
        UsageError: If the data set has no shares of the country.
    """
    sheet = Sheet()
    name = data.country_named(country)
    shares = sorted((s for s in data.country_shares() if s.country == name), key=lambda share: share.date)
    newest = [share for share in shares if share.kind == "measured"][-1]
    rate_ehs = _put_rate(sheet, newest, network_ehs)
    sheet.add("hash rate", rate_ehs, "EH/s")
    if newest.change_quarter_percent is not None:
        change = sheet.put("change in the quarter", newest.change_quarter_percent, "%", newest.source_url, newest.date)
        sheet.add("hash rate a quarter before", formulas.before_change(rate_ehs, change), "EH/s")
    fleet = fleet_efficiency(newest.date)
    low, power, high = (formulas.fleet_power_w(rate_ehs * 1e18, j) / 1e9 for j in bounds(fleet))
    sheet.add("power", power, "GW", low, high)
    if miner is not None:
        number = formulas.machines_for(rate_ehs * 1e18, miner.hashrate_hs)
        sheet.add(f"machines like {miner.name} for that share", number)
    _note_fleet(sheet, fleet)
    _note_projections(sheet, shares)
    sheet.listing = Listing(HEADER, tuple(_row(share, network_at(share.date)) for share in shares), left=3)
    return sheet


def newest_list(date: str | None) -> str:
    """Return the date of the newest measured list of countries that begins with `date`.

    Raises:
        UsageError: If there is none.
    """
    measured = [share for share in data.country_shares() if share.kind == "measured"]
    sizes: dict[str, int] = {}
    for share in measured:
        sizes[share.date] = sizes.get(share.date, 0) + 1
    lists = sorted(day for day, size in sizes.items() if size >= _LIST_SIZE)
    found = [day for day in lists if day.startswith(date or "")]
    if not found:
        raise UsageError(f"the data set has no list of countries for {date}; it has {', '.join(lists)}")
    return found[-1]


def list_of(day: str) -> list[CountryShare]:
    """Return the measured shares of a day, the largest first."""
    measured = [s for s in data.country_shares() if s.kind == "measured" and s.date == day]
    return sorted(measured, key=lambda share: -share.share_percent)


def network_at(date: str) -> float | None:
    """Return the network's hash rate in H/s in the month of a date; None where the data set has none."""
    point = data.at_month(HASHRATE, date)
    return None if point is None else point.value * 1e12


def country_rate_hs(share: CountryShare) -> float | None:
    """Return a country's hash rate: as published, else its share of the network's."""
    if share.hashrate_ths is not None:
        return share.hashrate_ths * 1e12
    network = network_at(share.date)
    return None if network is None else network * share.share_percent / 100


def _put_rate(sheet: Sheet, share: CountryShare, network_ehs: float | None) -> float:
    """Note what a country's rate is from; a published rate also says how large the network must be."""
    if share.hashrate_ths is not None and network_ehs is None:
        rate = sheet.put(f"hash rate, {share.date}", share.hashrate_ths / 1e6, "EH/s", share.source_url, share.date)
        sheet.put("share", share.share_percent, "%", share.source_url, share.date)
        sheet.add("network implied by rate and share", formulas.whole_from_share(rate, share.share_percent), "EH/s")
        return rate
    return _put_network_at(sheet, share.date, network_ehs) / 1e18 * share.share_percent / 100


def _put_network_at(sheet: Sheet, date: str, network_ehs: float | None) -> float:
    if network_ehs is not None:
        return sheet.put("network hash rate", network_ehs, "EH/s", GIVEN) * 1e18
    point = data.at_month(HASHRATE, date)
    if point is None:
        raise UsageError(f"the data set has no hash rate for {date}: give it with --network-ehs EH/s")
    return sheet.put("network hash rate", point.value / 1e6, "EH/s", point.source_url, point.date) * 1e18


def _row(share: CountryShare, network_hs: float | None) -> tuple[Value, ...]:
    rate = None
    if share.kind == "measured":
        rate = country_rate_hs(share)
        if rate is None and network_hs is not None:
            rate = network_hs * share.share_percent / 100
    power: Sequence[float | None] = (None, None, None)
    if rate:
        low, middle, high = (formulas.fleet_power_w(rate, j) / 1e9 for j in bounds(fleet_efficiency(share.date)))
        power = (middle, low, high)
    ehs = None if rate is None else rate / 1e18
    return (share.country, share.date, share.kind, share.share_percent, ehs, *power)


def _note_fleet(sheet: Sheet, fleet: FleetEfficiency) -> None:
    sheet.note(
        f"Power by the fleet of the time. {fleet.month}: {fleet.estimate_j_per_th:.1f} J/TH, between "
        f"{fleet.best_j_per_th:.1f} ({fleet.best_machine}) and {fleet.worst_j_per_th:.1f} ({fleet.worst_machine}, the "
        "worst that earned its electricity). The mix of a country's machines is not known; site overhead is left out."
    )


def _note_projections(sheet: Sheet, shares: Sequence[CountryShare]) -> None:
    for share in shares:
        if share.kind == "projected":
            same = [other.share_percent for other in shares if other.kind == "measured" and other.date >= "2021-12"]
            sheet.note(
                f"{share.share_percent:g}% for {share.date} is a projection; measured shares were {min(same):g} to "
                f"{max(same):g}%."
            )
