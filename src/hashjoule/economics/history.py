"""How efficient the world's mining fleet was at a time, with bounds.

The method is that of the Cambridge index (CBECI): a machine runs while it earns more than its electricity. Of the
machines in our table that had shipped, the best one bounds the fleet from below, the least efficient one that still
earned bounds it from above, and the mean of all that earned is the estimate. Every machine counts alike: how many of
each run is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hashjoule.data.hardware import PublishedMachine, machines
from hashjoule.data.network import BTC_PRICE, HASHRATE, at_month, series, subsidy_btc
from hashjoule.economics import formulas
from hashjoule.errors import UsageError

CBECI_PRICE_USD_PER_KWH = 0.05
"""The electricity price that CBECI assumes for every miner."""
CBECI_PUE = 1.10
"""Energy of a site over energy of its machines, as CBECI assumes."""
LIFE_YEARS = 5
"""Machines are counted for so many years after their shipping, as in CBECI's revision of 2023."""
FIRST_MONTH = "2013-01"
"""Before that machines without a shipping date, CPUs and GPUs, made the network."""


@dataclass(frozen=True)
class FleetEfficiency:
    """J/TH of the machines that ran in a month, at the machine: cooling and transformers come on top."""

    month: str
    best_j_per_th: float
    best_machine: str
    estimate_j_per_th: float
    worst_j_per_th: float
    worst_machine: str
    threshold_j_per_th: float
    """The J/TH at which a machine earned exactly its electricity."""
    machines: int
    """Machines of the table that had shipped and earned more than their electricity."""


@cache
def fleet_efficiency(month: str, price_usd_per_kwh: float = CBECI_PRICE_USD_PER_KWH) -> FleetEfficiency:
    """Return the fleet's efficiency in a month (YYYY-MM or longer).

    Raises:
        UsageError: For a month before 2013 or without hash rate or price.
    """
    month = month[:7]
    if len(month) < 7 or month < FIRST_MONTH:
        raise UsageError(f"the fleet's efficiency is known from {FIRST_MONTH} on, by month, not for {month}")
    threshold = _threshold(month, price_usd_per_kwh)
    shipped = _shipped_by(month, machines())
    running = [machine for machine in shipped if (machine.j_per_th or 0) <= threshold]
    if not running:
        raise UsageError(f"no machine of the table earned its electricity in {month} at {price_usd_per_kwh:g} USD/kWh")
    ordered = sorted(running, key=lambda machine: machine.j_per_th or 0)
    values = [machine.j_per_th or 0.0 for machine in ordered]
    return FleetEfficiency(
        month=month,
        best_j_per_th=values[0],
        best_machine=ordered[0].name,
        estimate_j_per_th=sum(values) / len(values),
        worst_j_per_th=values[-1],
        worst_machine=ordered[-1].name,
        threshold_j_per_th=threshold,
        machines=len(values),
    )


def _threshold(month: str, price_usd_per_kwh: float) -> float:
    rate, price = at_month(HASHRATE, month), at_month(BTC_PRICE, month)
    if rate is None or price is None:
        raise UsageError(f"the data set has no hash rate or no bitcoin price for {month}")
    earned = formulas.hash_price_usd_per_ph_day(rate.value * 1e12, subsidy_btc(month), 0.0, price.value)
    threshold = formulas.threshold_j_per_th(earned, price_usd_per_kwh)
    if threshold is None:
        raise UsageError("with free electricity every machine earns: give a price above zero")
    return threshold


def _shipped_by(month: str, table: Sequence[PublishedMachine]) -> list[PublishedMachine]:
    """ASICs that ship, are not doubtful and were at most `LIFE_YEARS` old; home miners do not shape the network."""
    oldest = f"{int(month[:4]) - LIFE_YEARS}{month[4:]}"
    return [
        machine
        for machine in table
        if machine.machine_class == "asic"
        and machine.status is None
        and machine.quality != "low"
        and machine.j_per_th is not None
        and machine.shipped is not None
        and oldest <= machine.shipped[:7] <= month
        and "home miner" not in machine.note
    ]


@dataclass(frozen=True)
class Comparison:
    """Our estimate of a year's fleet against a published one; both without the site's overhead."""

    month: str
    ours: FleetEfficiency
    published_j_per_th: float
    source: str

    @property
    def ratio(self) -> float:
        """Our estimate over the published one."""
        return self.ours.estimate_j_per_th / self.published_j_per_th

    @property
    def inside(self) -> bool:
        """Whether the published figure lies within our bounds."""
        return self.ours.best_j_per_th <= self.published_j_per_th <= self.ours.worst_j_per_th


def compared_with_published() -> list[Comparison]:
    """Return our estimate beside CBECI's of every year since 2014, and beside Cambridge's survey of 2024."""
    derived = [p for p in series("fleet_efficiency_derived_from_cbeci") if p.date >= "2014"]
    surveyed = [p for p in series("fleet_efficiency") if "Cambridge" in p.source_title]
    return [
        *(
            Comparison(p.date, fleet_efficiency(p.date), p.value / CBECI_PUE, "CBECI, energy over hash rate, less PUE")
            for p in derived
        ),
        *(Comparison(p.date, fleet_efficiency(p.date), p.value, "Cambridge survey") for p in surveyed),
    ]
