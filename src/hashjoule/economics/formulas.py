"""What mining costs and earns: pure functions, units in their names.

Money is in US dollars, energy in kWh or joules, rates in hashes per second. Nothing is looked up here: every figure is
an argument. A day has 86,400 seconds and a year 365.25 days; a block is expected every 600 seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hashjoule.errors import UsageError

BLOCK_SECONDS = 600.0
BLOCKS_PER_DAY = 86_400 / BLOCK_SECONDS
HOURS_PER_YEAR = 24 * 365.25
HASHES_PER_DIFFICULTY = 2**32
"""Hashes expected per block at difficulty 1: 2^256 / (0xffff x 2^208), which is 2^32 to 15 parts in a million."""
BTU_PER_H_PER_W = 3.412141633
"""One watt in BTU (international table) per hour."""
AIR_DENSITY_KG_PER_M3 = 1.2
AIR_HEAT_J_PER_KG_K = 1005.0
"""Dry air at 20 degrees Celsius and sea level."""
CFM_PER_M3_PER_H = 0.5885777786
"""Cubic feet per minute in one cubic metre per hour."""


def positive(**values: float) -> None:
    """Refuse what is not a finite number above zero.

    Raises:
        UsageError: naming the quantity.
    """
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"{name} must be above zero, not {value:g}")


def finite(**values: float) -> None:
    """Refuse what is not a finite number.

    Raises:
        UsageError: Naming the quantity.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise UsageError(f"{name} must be a number, not {value:g}")


def not_negative(**values: float) -> None:
    """Refuse what is not a finite number of at least zero.

    Raises:
        UsageError: naming the quantity.
    """
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(f"{name} must not be below zero, not {value:g}")


def network_hashrate_hs(difficulty: float) -> float:
    """Return the hash rate at which blocks come every 600 seconds at this difficulty."""
    positive(difficulty=difficulty)
    return difficulty * HASHES_PER_DIFFICULTY / BLOCK_SECONDS


def expected_block_seconds(hashrate_hs: float, difficulty: float) -> float:
    """Return the mean time to a block of one's own; it is exponentially distributed, whatever time has passed."""
    positive(hashrate_hs=hashrate_hs, difficulty=difficulty)
    return difficulty * HASHES_PER_DIFFICULTY / hashrate_hs


def block_probability(seconds: float, expected_seconds: float) -> float:
    """Return the probability of at least one block within a time."""
    positive(seconds=seconds, expected_seconds=expected_seconds)
    return -math.expm1(-seconds / expected_seconds)


def revenue_usd_per_day(
    hashrate_hs: float, network_hs: float, subsidy_btc: float, fees_btc: float, btc_usd: float
) -> float:
    """Return the expected revenue of a miner in the network: its share of 144 blocks' subsidy and fees."""
    positive(hashrate_hs=hashrate_hs, network_hs=network_hs, subsidy_btc=subsidy_btc, btc_usd=btc_usd)
    not_negative(fees_btc=fees_btc)
    return hashrate_hs / network_hs * BLOCKS_PER_DAY * (subsidy_btc + fees_btc) * btc_usd


def energy_kwh_per_day(power_w: float) -> float:
    """Return the energy of a day at constant power."""
    positive(power_w=power_w)
    return power_w * 24 / 1000


def profit_usd_per_day(revenue_usd: float, power_w: float, price_usd_per_kwh: float) -> float:
    """Return revenue less electricity; a negative price is earned for consuming."""
    finite(price_usd_per_kwh=price_usd_per_kwh)
    return revenue_usd - energy_kwh_per_day(power_w) * price_usd_per_kwh


def break_even_usd_per_kwh(revenue_usd_per_day: float, power_w: float) -> float:
    """Return the electricity price at which a machine earns exactly what it burns."""
    positive(revenue_usd_per_day=revenue_usd_per_day)
    return revenue_usd_per_day / energy_kwh_per_day(power_w)


def payback_days(cost_usd: float, profit_usd_per_day: float) -> float | None:
    """Return the days until the purchase is earned back at a constant profit; None if it never is."""
    positive(cost_usd=cost_usd)
    return cost_usd / profit_usd_per_day if profit_usd_per_day > 0 else None


def profit_under_growth_usd(
    revenue_usd_per_day: float, electricity_usd_per_day: float, growth_per_year: float, days: float
) -> float:
    """Return the profit of so many days while the network's growth shrinks the revenue.

    Args:
        revenue_usd_per_day: Revenue on the first day.
        electricity_usd_per_day: Cost of a day, constant.
        growth_per_year: Relative growth of the difficulty in a year: 0.4 for 40%.
        days: Length of the time.
    """
    rate = math.log1p(growth_per_year) / 365.25
    total = revenue_usd_per_day * (days if rate == 0 else -math.expm1(-rate * days) / rate)
    return total - electricity_usd_per_day * days


def days_until_loss(revenue_usd_per_day: float, electricity_usd_per_day: float, growth_per_year: float) -> float | None:
    """Return the days until growing difficulty eats the profit; 0 if there is none, None if that never comes."""
    if electricity_usd_per_day <= 0:
        return None
    if revenue_usd_per_day <= electricity_usd_per_day:
        return 0.0
    rate = math.log1p(growth_per_year) / 365.25
    return math.log(revenue_usd_per_day / electricity_usd_per_day) / rate if rate > 0 else None


def payback_days_under_growth(
    cost_usd: float, revenue_usd_per_day: float, electricity_usd_per_day: float, growth_per_year: float
) -> float | None:
    """Return the days until the purchase is earned back under growing difficulty; None if it never is."""
    positive(cost_usd=cost_usd)
    end = days_until_loss(revenue_usd_per_day, electricity_usd_per_day, growth_per_year)
    low, high = 0.0, 200 * 365.25 if end is None else end
    if profit_under_growth_usd(revenue_usd_per_day, electricity_usd_per_day, growth_per_year, high) < cost_usd:
        return None
    for _ in range(100):
        middle = (low + high) / 2
        earned = profit_under_growth_usd(revenue_usd_per_day, electricity_usd_per_day, growth_per_year, middle)
        low, high = (middle, high) if earned < cost_usd else (low, middle)
    return high


def hash_price_usd_per_ph_day(network_hs: float, subsidy_btc: float, fees_btc: float, btc_usd: float) -> float:
    """Return what a petahash per second earns in a day."""
    return revenue_usd_per_day(1e15, network_hs, subsidy_btc, fees_btc, btc_usd)


def implied_fees_btc(hash_price_usd_per_ph_day: float, network_hs: float, subsidy_btc: float, btc_usd: float) -> float:
    """Return the fees per block that a hash price includes; 0 where it does not even cover the subsidy."""
    positive(hash_price=hash_price_usd_per_ph_day, network_hs=network_hs, btc_usd=btc_usd)
    per_block = hash_price_usd_per_ph_day * network_hs / 1e15 / BLOCKS_PER_DAY / btc_usd
    return max(0.0, per_block - subsidy_btc)


def energy_kwh_per_btc(j_per_th: float, network_hs: float, btc_per_block: float) -> float:
    """Return the expected energy of mining a bitcoin with machines of an efficiency."""
    positive(j_per_th=j_per_th, network_hs=network_hs, btc_per_block=btc_per_block)
    return j_per_th / 1e12 * network_hs * BLOCK_SECONDS / btc_per_block / 3.6e6


def threshold_j_per_th(hash_price_usd_per_ph_day: float, price_usd_per_kwh: float) -> float | None:
    """Return the J/TH above which a machine earns less than its electricity; None where electricity is free."""
    if price_usd_per_kwh <= 0:
        return None
    return hash_price_usd_per_ph_day / (24 * price_usd_per_kwh)


def fleet_power_w(hashrate_hs: float, j_per_th: float) -> float:
    """Return the power of a hash rate at an efficiency."""
    positive(hashrate_hs=hashrate_hs, j_per_th=j_per_th)
    return hashrate_hs * j_per_th / 1e12


def energy_twh_per_year(power_w: float) -> float:
    """Return the energy of a year at constant power."""
    positive(power_w=power_w)
    return power_w * HOURS_PER_YEAR / 1e12


def heat_btu_per_h(power_w: float) -> float:
    """Return the heat flow: all power that goes in comes out as heat."""
    positive(power_w=power_w)
    return power_w * BTU_PER_H_PER_W


def air_flow_m3_per_h(power_w: float, rise_k: float) -> float:
    """Return the air that carries the heat off while warming by `rise_k` kelvin."""
    positive(power_w=power_w, rise_k=rise_k)
    return power_w / (AIR_DENSITY_KG_PER_M3 * AIR_HEAT_J_PER_KG_K * rise_k) * 3600


def air_flow_cfm(power_w: float, rise_k: float) -> float:
    """Return the same in cubic feet per minute."""
    return air_flow_m3_per_h(power_w, rise_k) * CFM_PER_M3_PER_H


def whole_from_share(part: float, share_percent: float) -> float:
    """Return the whole of which a part is so many per cent."""
    positive(part=part, share_percent=share_percent)
    return part / (share_percent / 100)


def before_change(now: float, change_percent: float) -> float:
    """Return the value before a change of so many per cent led to the value now."""
    positive(now=now)
    if change_percent <= -100:
        raise UsageError(f"a change of {change_percent:g}% leaves nothing to compare with")
    return now / (1 + change_percent / 100)


@dataclass(frozen=True)
class Concentration:
    """How concentrated a network is. What the list leaves out gives the bounds of the index."""

    largest: str
    largest_percent: float
    listed_percent: float
    hhi_low: float
    """Herfindahl-Hirschman index (0 to 10,000) if the unlisted rest is spread over very many."""
    hhi_high: float
    """The same if the rest is as concentrated as the smallest listed share allows."""
    nakamoto: int | None
    """Fewest members that hold over half together; None if the listed ones do not."""


def concentration(shares_percent: Mapping[str, float]) -> Concentration:
    """Return largest share, Herfindahl-Hirschman index and Nakamoto coefficient of a (partial) list of shares.

    Raises:
        UsageError: for an empty list, a negative share, or shares over 100% together.
    """
    not_negative(**{f"the share of {name}": share for name, share in shares_percent.items()})
    listed = math.fsum(shares_percent.values())
    if not shares_percent or not 0 < listed <= 100 + 1e-9:
        raise UsageError(f"shares must add up to more than 0 and at most 100%, not {listed:g}%")
    ordered = sorted(shares_percent.values(), reverse=True)
    rest, smallest = max(0.0, 100 - listed), ordered[-1]
    whole, left = divmod(rest, smallest) if smallest > 0 else (0.0, 0.0)
    squares = math.fsum(share**2 for share in ordered)
    totals = [math.fsum(ordered[: count + 1]) for count in range(len(ordered))]
    largest = max(shares_percent, key=lambda name: shares_percent[name])
    return Concentration(
        largest=largest,
        largest_percent=shares_percent[largest],
        listed_percent=listed,
        hhi_low=squares,
        hhi_high=squares + whole * smallest**2 + left**2,
        nakamoto=next((count + 1 for count, total in enumerate(totals) if total > 50), None),
    )


def delivered_usd_per_kwh(generation_usd_per_kwh: float, transmission_usd_per_kwh: float) -> float:
    """Return the price of a kWh where it is used: its generation, which may be free or less, and its delivery."""
    finite(generation_usd_per_kwh=generation_usd_per_kwh)
    not_negative(transmission_usd_per_kwh=transmission_usd_per_kwh)
    return generation_usd_per_kwh + transmission_usd_per_kwh


def heat_value_usd_per_kwh(heat_price_usd_per_kwh: float, sold_part: float) -> float:
    """Return what a kWh of electricity brings when part of its heat is sold."""
    not_negative(heat_price_usd_per_kwh=heat_price_usd_per_kwh, sold_part=sold_part)
    if sold_part > 1:
        raise UsageError(f"at most all of the heat (1.0) can be sold, not {sold_part:g}")
    return heat_price_usd_per_kwh * sold_part


def machines_for(hashrate_hs: float, machine_hs: float) -> int:
    """Return the machines that make up a hash rate, rounded up."""
    positive(hashrate_hs=hashrate_hs, machine_hs=machine_hs)
    return math.ceil(hashrate_hs / machine_hs)


def machines_on(power_w: float, machine_power_w: float) -> int:
    """Return the machines that a power supply feeds, rounded down."""
    positive(power_w=power_w, machine_power_w=machine_power_w)
    return math.floor(power_w / machine_power_w)
