"""What a calculation needs: a miner, the network and a price, given by the user or taken from the data set."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from hashjoule.data import network as data
from hashjoule.data.hardware import PublishedMachine
from hashjoule.data.network import BTC_PRICE, HASH_PRICE, HASHRATE, NetworkPoint
from hashjoule.economics import formulas
from hashjoule.economics.sheet import GIVEN, Sheet
from hashjoule.errors import UsageError
from hashjoule.records.schema import Record

REFRESH = "bring newer figures with --network-file (see `hashjoule economics --help`)"


@dataclass(frozen=True)
class Miner:
    """One machine: hashes per second, and watts unless they are unknown."""

    name: str
    hashrate_hs: float
    power_w: float | None
    source: str
    date: str = ""

    @property
    def watts(self) -> float:
        """The power in watts.

        Raises:
            UsageError: If it is unknown: a miner without a power has no costs to speak of.
        """
        if self.power_w is None:
            raise UsageError(f"the power of {self.name} is not known: give it with --watts WATTS")
        return self.power_w

    @property
    def j_per_th(self) -> float:
        """Joules per terahash."""
        return self.watts / self.hashrate_hs * 1e12


def published_miner(machine: PublishedMachine) -> Miner:
    """Return a published machine as a miner."""
    return Miner(machine.name, machine.hashrate_hs, machine.power_w, machine.source_url, machine.source_date)


def recorded_miner(record: Record, name: str) -> Miner:
    """Return the result of a record with the fewest joules, else its fastest one; `name` is that of the file.

    Raises:
        UsageError: If the record holds no results.
    """
    if not record.results:
        raise UsageError(f"{name} holds no results")
    metered = [result for result in record.results if result.j_per_th and result.energy]
    if metered:
        result = min(metered, key=lambda r: r.j_per_th.value if r.j_per_th else float("inf"))
    else:
        result = max(record.results, key=lambda r: r.hashrate_hs.median)
    energy = result.energy
    return Miner(
        name=f"{result.backend} {result.mode}",
        hashrate_hs=result.hashrate_hs.median,
        power_w=energy.joules / energy.seconds if energy else None,
        source=f"{name}, power {energy.method}" if energy else name,
        date=record.created[:10],
    )


def put_miner(sheet: Sheet, miner: Miner, watts: float | None) -> Miner:
    """Note a miner's rate and power; `watts` is a power given in place of its own."""
    sheet.put(f"hash rate of {miner.name}", miner.hashrate_hs / 1e12, "TH/s", miner.source, miner.date)
    if watts is not None:
        sheet.put("power", watts, "W", GIVEN)
        return Miner(miner.name, miner.hashrate_hs, watts, miner.source, miner.date)
    if miner.power_w is not None:
        sheet.put("power", miner.power_w, "W", miner.source, miner.date)
    return miner


@dataclass(frozen=True)
class Given:
    """Figures that the user gives in place of the data set's; `points` are newer ones from a file."""

    network_ehs: float | None = None
    difficulty: float | None = None
    subsidy_btc: float | None = None
    fees_btc: float | None = None
    btc_usd: float | None = None
    points: Sequence[NetworkPoint] = field(default_factory=tuple)


@dataclass(frozen=True)
class Network:
    """The network and its economy, as far as a miner needs them."""

    hashrate_hs: float
    subsidy_btc: float
    fees_btc: float
    btc_usd: float

    @property
    def btc_per_block(self) -> float:
        """Subsidy and fees of a block."""
        return self.subsidy_btc + self.fees_btc

    @property
    def hash_price_usd_per_ph_day(self) -> float:
        """What a petahash per second earns in a day."""
        return formulas.hash_price_usd_per_ph_day(self.hashrate_hs, self.subsidy_btc, self.fees_btc, self.btc_usd)

    def revenue_usd_per_day(self, hashrate_hs: float) -> float:
        """Return the expected revenue of a hash rate that is part of this network."""
        return formulas.revenue_usd_per_day(
            hashrate_hs, self.hashrate_hs, self.subsidy_btc, self.fees_btc, self.btc_usd
        )


def put_network(sheet: Sheet, given: Given, today: datetime.date | None = None) -> Network:
    """Return the network that the user describes, filled up with the newest figures, each noted.

    Raises:
        UsageError: If hash rate and difficulty are both given.
    """
    if given.network_ehs is not None and given.difficulty is not None:
        raise UsageError("give --network-ehs or --difficulty, not both")
    if given.difficulty is not None:
        rate = formulas.network_hashrate_hs(sheet.put("difficulty", given.difficulty, "1", GIVEN))
    else:
        rate = 1e18 * _pick(sheet, "network hash rate", given.network_ehs, HASHRATE, "EH/s", given, 1e-6, today)
    price = _pick(sheet, "bitcoin price", given.btc_usd, BTC_PRICE, "USD", given, 1.0, today)
    if given.subsidy_btc is None:
        era = data.subsidy_eras()[-1]
        subsidy = sheet.put("subsidy", era.subsidy_btc, "BTC/block", era.source_url, era.first_month)
    else:
        subsidy = sheet.put("subsidy", given.subsidy_btc, "BTC/block", GIVEN)
    return Network(rate, subsidy, _fees(sheet, given, subsidy), price)


def put_difficulty(sheet: Sheet, given: Given, today: datetime.date | None = None) -> float:
    """Return the difficulty given, else the newest one, noted."""
    return _pick(sheet, "difficulty", given.difficulty, "difficulty", "1", given, 1.0, today)


def _pick(
    sheet: Sheet,
    name: str,
    value: float | None,
    metric: str,
    unit: str,
    given: Given,
    scale: float,
    today: datetime.date | None,
) -> float:
    """Return the value given, else the newest one, with a note if that is old."""
    if value is not None:
        return sheet.put(name, value, unit, GIVEN)
    point = data.latest(metric, among=[*data.network(), *given.points])
    age = ((today or datetime.date.today()) - data.last_day(point)).days
    if age > data.MAX_AGE_DAYS:
        sheet.note(f"The newest figures of the network are {age} days old; {REFRESH}.")
    return sheet.put(name, point.value * scale, unit, point.source_url, _period(point))


def _period(point: NetworkPoint) -> str:
    return f"{point.date}, {point.days}" if point.days else point.date


def _fees(sheet: Sheet, given: Given, subsidy_btc: float) -> float:
    """Fees per block: given, from a newer file, or those that the newest hash price of the data set includes."""
    if given.fees_btc is not None:
        return sheet.put("fees", given.fees_btc, "BTC/block", GIVEN)
    known = [point for point in given.points if point.metric == data.FEES]
    if known:
        point = max(known, key=lambda p: p.date)
        return sheet.put("fees", point.value, "BTC/block", point.source_url, _period(point))
    paid = data.latest(HASH_PRICE)
    rate, price = data.at_month(HASHRATE, paid.date), data.at_month(BTC_PRICE, paid.date)
    if rate is None or price is None:
        return sheet.put("fees", 0.0, "BTC/block", "none in the data set: counted as 0")
    fees = formulas.implied_fees_btc(paid.value, rate.value * 1e12, subsidy_btc, price.value)
    return sheet.put("fees, implied by the hash price", fees, "BTC/block", paid.source_url, _period(paid))


def put_electricity(sheet: Sheet, price: float | None, region: str | None) -> float:
    """Return the price given, that of a region, or the median that surveyed miners pay, noted.

    Raises:
        UsageError: If both are given, or the data set has no price of that region.
    """
    if price is not None and region is not None:
        raise UsageError("give --price or --region, not both")
    if price is not None:
        return sheet.put("electricity price", price, "USD/kWh", GIVEN)
    row = data.median_electricity_price() if region is None else data.electricity_price(region)
    name = f"electricity price, {row.region}"
    return sheet.put(name, row.price_usd_per_kwh, "USD/kWh", row.source_url, row.date)
