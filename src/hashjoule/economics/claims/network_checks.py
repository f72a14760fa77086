"""Checks of claims about the network and its countries."""

from __future__ import annotations

import shlex

from hashjoule.data import network as data
from hashjoule.data.claims import Claim
from hashjoule.data.network import HASHRATE, CountryShare, NetworkPoint
from hashjoule.economics import formulas
from hashjoule.economics.claims.findings import Finding, compared, judged, unchecked
from hashjoule.economics.countries import list_of, newest_list
from hashjoule.economics.history import fleet_efficiency
from hashjoule.errors import UsageError

_CONCENTRATED_HHI = 1800
"""From here a market counts as highly concentrated. Source: US merger guidelines of 2023."""


def share_of_rate(claim: Claim) -> Finding:
    """Compare a stated share with the share that its hash rate had of the month's mean network."""
    rate, network = claim.number("rate_ehs"), _mean_ehs(claim)
    return compared(
        claim,
        _stated(claim),
        100 * rate / network,
        f"{rate:g} EH/s at {_stated(claim):g}% make a network of {100 * rate / _stated(claim):,.0f} EH/s",
        f"mean of {claim.argument('month')}: {network:,.0f} EH/s, so the share is {100 * rate / network:.2f}%",
        _countries("China"),
    )


def rate_of_share(claim: Claim) -> Finding:
    """Compare a stated hash rate with what its share was of the month's mean network."""
    share, network = claim.number("share"), _mean_ehs(claim)
    return compared(
        claim,
        _stated(claim),
        network * share / 100,
        f"the whole network has {100 * _stated(claim) / share:,.0f} EH/s",
        f"mean of {claim.argument('month')}: {network:,.0f} EH/s, {share:g}% of it are {network * share / 100:.0f}",
        _countries("China"),
    )


def growth(claim: Claim) -> Finding:
    """Compare the rate before a growth in a quarter with the row of that time."""
    rate, country = claim.number("rate_ehs"), claim.argument("country")
    before = formulas.before_change(rate, _stated(claim))
    row = _share(country, claim.argument("before"))
    known = (row.hashrate_ths or 0.0) / 1e6
    return compared(
        claim,
        before,
        known,
        f"{before:.1f} EH/s a quarter before",
        f"{country} {row.date}: {known:g} EH/s, a growth of {100 * (rate / known - 1):.0f}%",
        _countries(country),
    )


def share_at(claim: Claim) -> Finding:
    """Compare a country's share with the measured one of a month."""
    country = claim.argument("country")
    row = _share(country, claim.argument("month"))
    own = [s for s in data.country_shares() if s.country == country and s.kind == "measured"]
    since = [s.share_percent for s in own if s.date > "2021-08"]
    return compared(
        claim,
        _stated(claim),
        row.share_percent,
        f"{_stated(claim):g}% of the network",
        f"{row.share_percent:.3g}% in {row.date}; {min(since):.3g} to {max(since):.3g}% in all lists since 2021-09",
        _countries(country),
    )


def share_above(claim: Claim) -> Finding:
    """Check whether a country's share is above a number."""
    country = claim.argument("country")
    row = _share(country, claim.argument("month"))
    return judged(
        claim,
        row.share_percent > _stated(claim),
        f"more than {_stated(claim):g}%",
        f"{row.share_percent:g}% in {row.date}",
        _countries(country),
    )


def rank(claim: Claim) -> Finding:
    """Check a country's place in the list of a month."""
    country = claim.argument("country")
    shares = list_of(claim.argument("month"))
    place = [share.country for share in shares].index(country) + 1
    ahead = ", ".join(f"{share.country} {share.share_percent:g}%" for share in shares[:place])
    return judged(claim, place == _stated(claim), f"place {_stated(claim):g}", ahead, "hashjoule economics countries")


def at_least_mean(claim: Claim) -> Finding:
    """Check that a record does not lie below the month's mean."""
    point = _point(claim.argument("metric"), claim.argument("month"))
    return judged(
        claim,
        _stated(claim) >= point.value,
        f"a highest price above {_stated(claim):,.0f} USD",
        f"mean of {point.date}: {point.value:,.0f} USD, {100 * (1 - point.value / _stated(claim)):.0f}% below",
        "hashjoule economics machine --machine 'Antminer S21'",
    )


def only_reported(claim: Claim) -> Finding:
    """Say that the only source of a number is the same report."""
    point = _point(claim.argument("metric"), claim.argument("month"), claim.argument("region"))
    return unchecked(
        claim,
        "the data set holds the same report only",
        "",
        f"{point.value:g}{point.unit} in {point.date}, from that report",
        f"hashjoule claims {claim.id}",
    )


def metric(claim: Claim) -> Finding:
    """Compare a number with a stored figure of the network."""
    point = _point(claim.argument("metric"), claim.argument("month"))
    return compared(
        claim,
        _stated(claim),
        point.value,
        f"{_stated(claim):g} {claim.unit}",
        f"{point.value:g} {point.unit} in {point.date} ({point.source_title or point.source_url})",
        f"hashjoule economics network --month {point.date}",
    )


def fall(claim: Claim) -> Finding:
    """Compare a fall of the network's hash rate with that between two months."""
    before, after = _point(HASHRATE, claim.argument("from")), _point(HASHRATE, claim.argument("to"))
    lost = 1 - after.value / before.value
    return judged(
        claim,
        lost >= 0.2,
        "a fall of a fifth or more within weeks",
        f"{before.value / 1e6:.0f} to {after.value / 1e6:.0f} EH/s from {before.date} to {after.date}: {lost:.0%} less",
        f"hashjoule economics network --month {before.date} --month {after.date}",
    )


def concentration(claim: Claim) -> Finding:
    """Concentration by country in the list of a month."""
    day = newest_list(claim.argument("month"))
    summary = formulas.concentration({share.country: share.share_percent for share in list_of(day)})
    implied = f"a concentrated network: an index of {_CONCENTRATED_HHI:,} or more"
    found = f"{day}: index {summary.hhi_low:,.0f} to {summary.hhi_high:,.0f}; {summary.nakamoto} countries hold half"
    command = "hashjoule economics countries"
    if summary.hhi_low < _CONCENTRATED_HHI <= summary.hhi_high:
        return unchecked(claim, "countries that no list names decide it", implied, found, command)
    return judged(claim, summary.hhi_low >= _CONCENTRATED_HHI, implied, found, command)


def centres(claim: Claim) -> Finding:
    """Countries that are said to be among the largest."""
    wanted = claim.argument("countries").split("|")
    day = newest_list(claim.argument("month"))
    shares = {share.country: share.share_percent for share in list_of(day)}
    listed = [f"{country} {shares[country]:g}%" for country in wanted if country in shares]
    return judged(
        claim,
        len(listed) == len(wanted),
        f"{', '.join(wanted)} are among the largest",
        f"{day}: {', '.join(listed)}; {claim.note}",
        "hashjoule economics countries",
    )


def rate_power(claim: Claim) -> Finding:
    """Compare a power with what a hash rate takes at the fleet's efficiency."""
    rate, fleet = claim.number("rate_ehs"), fleet_efficiency(claim.argument("month"))
    low, power, high = (
        formulas.fleet_power_w(rate * 1e18, j) / 1e6
        for j in (fleet.best_j_per_th, fleet.estimate_j_per_th, fleet.worst_j_per_th)
    )
    return unchecked(
        claim,
        "what a grid can bear is not in the data set",
        f"{rate:g} EH/s takes {power:.0f} MW",
        f"{low:.0f} to {high:.0f} MW by the fleet of {fleet.month}",
        f"hashjoule economics fleet --ehs {rate:g} --j-per-th {fleet.estimate_j_per_th:.1f}",
    )


def efficiency_and_power(claim: Claim) -> Finding:
    """Whether better chips lowered the network's power."""
    first, last = claim.argument("from"), claim.argument("to")
    then, now = fleet_efficiency(first), fleet_efficiency(last)
    power = [
        formulas.fleet_power_w(_point(HASHRATE, fleet.month).value * 1e12, fleet.estimate_j_per_th) / 1e9
        for fleet in (then, now)
    ]
    return judged(
        claim,
        power[1] < power[0],
        "better chips, less power",
        f"{first} to {last}: fleet {then.estimate_j_per_th:.0f} to {now.estimate_j_per_th:.0f} J/TH, network power "
        f"{power[0]:.1f} to {power[1]:.1f} GW",
        f"hashjoule economics network --month {first} --month {last}",
    )


def _stated(claim: Claim) -> float:
    if claim.value is None:
        raise UsageError(f"claims.csv, claim {claim.id}: the check {claim.check} needs a value")
    return claim.value


def _point(metric_name: str, month: str, region: str = "world") -> NetworkPoint:
    found = [p for p in data.series(metric_name, region) if p.date == month or p.date == month[:7]]
    if not found:
        raise UsageError(f"the data set has no {metric_name} for {month}")
    return found[-1]


def _mean_ehs(claim: Claim) -> float:
    return _point(HASHRATE, claim.argument("month")).value / 1e6


def _share(country: str, month: str) -> CountryShare:
    found = [s for s in data.country_shares() if s.country == country and s.date == month and s.kind == "measured"]
    if not found:
        raise UsageError(f"the data set has no measured share of {country} for {month}")
    return found[0]


def _countries(country: str) -> str:
    return f"hashjoule economics countries --country {shlex.quote(country)}"
