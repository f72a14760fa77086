"""The Bitcoin network and its economy: hash rate, prices, energy, countries, tariffs, subsidies."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Literal

import msgspec

from hashjoule.data.reading import Date, Percent, Positive, Sourced, Text, shipped_table
from hashjoule.errors import UsageError

HASHRATE = "network_hashrate_monthly_mean"
BTC_PRICE = "btc_price_monthly_mean"
HASH_PRICE = "hashprice_monthly_mean"
FEES = "fees_per_block"
MAX_AGE_DAYS = 60
"""Defaults older than this are used with a warning: difficulty and price move by tens of per cent in two months."""


class NetworkPoint(Sourced, frozen=True, kw_only=True):
    """One figure of the Bitcoin network or its economy at one date."""

    date: Date
    metric: Text
    value: Positive
    unit: Text
    region: Text
    source_title: str = ""

    @property
    def days(self) -> str:
        """The part of a month that a mean covers, as the note states it; empty for a whole month."""
        return self.note if self.note.startswith("days ") else ""


class CountryShare(Sourced, frozen=True, kw_only=True):
    """A country's share of the network's hash rate: measured from pools, surveyed, or only projected."""

    date: Date
    country: Text
    share_percent: Percent
    hashrate_ths: Positive | None = None
    change_quarter_percent: float | None = None
    kind: Literal["measured", "survey", "projected"]
    source_title: str = ""


class ElectricityPrice(Sourced, frozen=True, kw_only=True):
    """A price of electricity in US dollars per kWh."""

    date: Date
    region: Text
    kind: Literal["industrial", "quoted", "electricity median", "all-in median"]
    price_usd_per_kwh: Positive
    source_title: str = ""


class SubsidyEra(Sourced, frozen=True, kw_only=True):
    """From which height a block pays which subsidy (consensus: 50 BTC halved every 210,000 blocks)."""

    first_height: Annotated[int, msgspec.Meta(ge=0)]
    first_month: Date
    subsidy_btc: Positive
    source_title: str = ""


@cache
def network() -> tuple[NetworkPoint, ...]:
    """Return hash rate, difficulty, prices, energy and fleet efficiency of the network, 2009 to 2026."""
    return shipped_table("network.csv", NetworkPoint)


@cache
def country_shares() -> tuple[CountryShare, ...]:
    """Return the shares of the network's hash rate by country."""
    return shipped_table("country_shares.csv", CountryShare)


@cache
def electricity_prices() -> tuple[ElectricityPrice, ...]:
    """Return the electricity prices that miners and industry pay, by region."""
    return shipped_table("electricity_prices.csv", ElectricityPrice)


@cache
def subsidy_eras() -> tuple[SubsidyEra, ...]:
    """Return the subsidy of a block by height."""
    return shipped_table("subsidy.csv", SubsidyEra)


def series(metric: str, region: str = "world", among: Iterable[NetworkPoint] | None = None) -> list[NetworkPoint]:
    """Return every figure of a metric, oldest first."""
    points = network() if among is None else among
    return sorted((p for p in points if p.metric == metric and p.region == region), key=lambda p: p.date)


def latest(metric: str, region: str = "world", among: Iterable[NetworkPoint] | None = None) -> NetworkPoint:
    """Return the newest figure of a metric.

    Raises:
        UsageError: If the data set has none.
    """
    found = series(metric, region, among)
    if not found:
        raise UsageError(f"the data set has no {metric} for {region}")
    return found[-1]


def at_month(metric: str, date: str, region: str = "world") -> NetworkPoint | None:
    """Return a metric's figure for the month of a date (YYYY-MM or longer), or None."""
    return next((p for p in series(metric, region) if p.date == date[:7]), None)


def subsidy_btc(date: str) -> float:
    """Return the subsidy of a block in BTC at a date (YYYY-MM or longer)."""
    return [era for era in subsidy_eras() if era.first_month <= date[:7]][-1].subsidy_btc


def last_day(point: NetworkPoint) -> datetime.date:
    """Return the last day that a figure covers."""
    year, month, *day = (int(part) for part in point.date.split("-"))
    partial = re.search(r"to (\d+)$", point.days)
    if day or partial:
        return datetime.date(year, month, day[0] if day else int(partial[1] if partial else 1))
    return datetime.date(year, month, calendar.monthrange(year, month)[1])


def median_electricity_price() -> ElectricityPrice:
    """Return the median that surveyed miners pay for electricity."""
    return next(price for price in electricity_prices() if price.kind == "electricity median")


def electricity_price(region: str) -> ElectricityPrice:
    """Return the newest price of a region, by its name or a part of it.

    Raises:
        UsageError: If no region, or several, match.
    """
    wanted = region.strip().casefold()
    names = sorted({price.region for price in electricity_prices()})
    matches = [n for n in names if n.casefold() == wanted or n.casefold().partition(" ")[2] == wanted]
    matches = matches or [name for name in names if wanted and wanted in name.casefold()]
    if len(matches) != 1:
        listed = ", ".join((matches or names)[:8])
        problem = "fits several regions" if matches else "is not a region of the data set"
        raise UsageError(f"{region!r} {problem}; try one of: {listed}")
    return max((p for p in electricity_prices() if p.region == matches[0]), key=lambda p: p.date)


ALIASES = {
    "us": "United States", "usa": "United States", "u.s.": "United States", "america": "United States",
    "uae": "United Arab Emirates", "emirates": "United Arab Emirates", "prc": "China", "cn": "China",
    "russian federation": "Russia", "ru": "Russia", "kz": "Kazakhstan", "ca": "Canada", "py": "Paraguay",
}  # fmt: skip


def country_named(name: str) -> str:
    """Return a country's name in the data set, for its name or an alias.

    Raises:
        UsageError: If the data set has no shares of it.
    """
    wanted = name.strip().casefold()
    known = sorted({share.country for share in country_shares()})
    found = [c for c in known if c.casefold() == ALIASES.get(wanted, wanted).casefold()]
    if not found:
        raise UsageError(f"the data set has no shares of {name!r}; it has {', '.join(known)}")
    return found[0]
