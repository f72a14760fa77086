"""Checks of claims about machines, their makers, sites and tariffs."""

from __future__ import annotations

import shlex

from hashjoule.data import network as data
from hashjoule.data.claims import Claim
from hashjoule.data.hardware import machines as published
from hashjoule.data.names import find_machine
from hashjoule.economics import formulas
from hashjoule.economics.claims.findings import Finding, judged, unchecked
from hashjoule.economics.countries import country_rate_hs, network_at
from hashjoule.economics.history import fleet_efficiency
from hashjoule.economics.inputs import Given, Miner, Network, published_miner, put_network
from hashjoule.economics.sheet import Sheet

_PEOPLE_W = 100.0
"""Heat of a person at rest, for scale."""


def machines(claim: Claim) -> Finding:
    """Compare a number of machines with the power and the hash rate that they would have."""
    miner = published_miner(find_machine(f"{claim.argument('model')} {claim.argument('mode')}"))
    number = claim.value or 0.0
    power_mw, rate_ehs = number * miner.watts / 1e6, number * miner.hashrate_hs / 1e18
    country, month = claim.argument("country"), claim.argument("month")
    share = next(s for s in data.country_shares() if (s.country, s.date) == (country, month))
    of_country = (country_rate_hs(share) or 0.0) / 1e18
    return unchecked(
        claim,
        "there is no register of machines",
        f"{number:,.0f} machines like {miner.name}: {power_mw:.0f} MW, {rate_ehs:.1f} EH/s",
        f"{rate_ehs / of_country:.0%} of the {of_country:.0f} EH/s that {country} had in {month}",
        f"hashjoule economics fleet --machine {shlex.quote(miner.name)} --count {number:.0f}",
    )


def stranded(claim: Claim) -> Finding:
    """Show what a MWh of free power earns, with machines of different age."""
    network = _network()
    earned = [(miner, _usd_per_kwh(miner, network)) for miner in _miners(claim)]
    listed = ", ".join(f"{miner.name} {1e3 * usd:.0f} USD/MWh" for miner, usd in earned)
    return judged(
        claim,
        all(usd > 0 for _, usd in earned),
        "power at a price near zero pays for machines of any age",
        f"a MWh that costs nothing earns, before purchase and upkeep: {listed}",
        f"hashjoule economics machine --machine {shlex.quote(earned[0][0].name)} --price 0",
    )


def price_per_coin(claim: Claim) -> Finding:
    """Compare what a difference in the price of a kWh makes per bitcoin."""
    cents = claim.number("usd_per_kwh")
    network = _network()
    fleet = fleet_efficiency(data.latest(data.HASHRATE).date)
    energy = formulas.energy_kwh_per_btc(fleet.estimate_j_per_th, network.hashrate_hs, network.btc_per_block)
    return unchecked(
        claim,
        "the data set has no transmission tariffs",
        f"each {100 * cents:g} ct/kWh saved is {cents * energy:,.0f} USD per bitcoin",
        f"a bitcoin takes {energy / 1e3:,.0f} MWh at the fleet's {fleet.estimate_j_per_th:.0f} J/TH; it brought "
        f"{network.btc_usd:,.0f} USD",
        "hashjoule economics local --machine 'Antminer S21' --generation 0.04 --transmission 0.01",
    )


def tariff_gap(claim: Claim) -> Finding:
    """Compare what a large consumer pays with what a small one pays."""
    month = claim.argument("month")
    prices = {
        region: next(
            p.price_usd_per_kwh
            for p in data.electricity_prices()
            if p.region == region and p.date[: len(month)] == month
        )
        for region in (claim.argument("small"), claim.argument("large"))
    }
    small, large = prices.values()
    return judged(
        claim,
        large < small,
        "large consumers pay less for a kWh, and may pay for its transport",
        f"{month}: {100 * small:.1f} ct/kWh for {claim.argument('small')}, {100 * large:.1f} for industry: "
        f"{100 * (small - large):.1f} ct for the way",
        "hashjoule economics machine --machine 'Antminer S21' --region 'United States (residential)'",
    )


def tariff(claim: Claim) -> Finding:
    """Compare a region's price with what machines of different age can pay."""
    region = data.electricity_price(claim.argument("region"))
    median = data.median_electricity_price()
    network = _network()
    listed = ", ".join(f"{miner.name} {100 * _usd_per_kwh(miner, network):.1f}" for miner in _miners(claim))
    return judged(
        claim,
        region.price_usd_per_kwh <= median.price_usd_per_kwh,
        "electricity is cheaper than elsewhere",
        f"{region.region}: {100 * region.price_usd_per_kwh:.1f} ct/kWh; miners' median "
        f"{100 * median.price_usd_per_kwh:.1f}; break-even {listed} ct/kWh; {claim.note}",
        f"hashjoule economics machine --machine 'Antminer S21' --region {shlex.quote(region.region)}",
    )


def one_function(claim: Claim) -> Finding:
    """Say what else a mining chip can compute (nothing), and what its site could do: attack, or give power."""
    miner = published_miner(find_machine(claim.argument("model")))
    power_mw = claim.number("power_mw")
    rate_hs = formulas.machines_on(power_mw * 1e6, miner.watts) * miner.hashrate_hs
    network = network_at(data.latest(data.HASHRATE).date) or 0.0
    return judged(
        claim,
        False,
        "mining chips can be put to other work",
        f"the chips compute double SHA-256 of block headers and nothing else; {power_mw:g} MW of them are "
        f"{rate_hs / 1e18:.2g} EH/s, {rate_hs / network:.2g} of the network",
        f"hashjoule economics local --machine {shlex.quote(miner.name)} --generation 0.04 --mw {power_mw:g}",
    )


def site(claim: Claim) -> Finding:
    """Machines, heat and air of a site."""
    miner = published_miner(find_machine(claim.argument("model")))
    power_w, rise_k = claim.number("power_mw") * 1e6, claim.number("rise_k")
    number = formulas.machines_on(power_w, miner.watts)
    air = formulas.air_flow_m3_per_h(power_w, rise_k) / 3600
    return judged(
        claim,
        True,
        f"{power_w / 1e6:g} MW are {number:,} machines like {miner.name}, {number * miner.hashrate_hs / 1e18:.1f} EH/s",
        f"all of it is heat, that of {power_w / _PEOPLE_W:,.0f} people; {air:,.0f} m3 of air per second carry it off "
        f"{rise_k:g} K warmer",
        f"hashjoule economics fleet --machine {shlex.quote(miner.name)} --count {number} --rise-k {rise_k:g}",
    )


def makers(claim: Claim) -> Finding:
    """Count the machines of our table that some makers built, beside the stored share of one."""
    wanted, since = claim.argument("makers").split("|"), claim.argument("since")
    rows = [m for m in published() if m.machine_class == "asic" and (m.shipped or "") >= since]
    theirs = [machine for machine in rows if machine.maker in wanted]
    share = data.latest("hardware_share", "Bitmain")
    return judged(
        claim,
        share.value > 50 or len(theirs) > len(rows) / 2,
        "most machines are theirs",
        f"{len(theirs)} of {len(rows)} ASICs of the table that shipped since {since}; Bitmain alone {share.value:g}% "
        f"of the machines in {share.date} (survey)",
        f"hashjoule table --class asic --since {since}",
    )


def unknown(claim: Claim) -> Finding:
    """Say why our data cannot check a claim."""
    return unchecked(claim, claim.argument("reason"), "", "", f"hashjoule claims {claim.id}")


def _network() -> Network:
    return put_network(Sheet(), Given())


def _miners(claim: Claim) -> list[Miner]:
    return [published_miner(find_machine(name)) for name in claim.argument("models").split("|")]


def _usd_per_kwh(miner: Miner, network: Network) -> float:
    return formulas.break_even_usd_per_kwh(network.revenue_usd_per_day(miner.hashrate_hs), miner.watts)
