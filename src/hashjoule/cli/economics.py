"""hashjoule economics: what mining costs and earns, by machine, fleet, country and place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import click

from hashjoule.cli.common import POSITIVE, json_option
from hashjoule.cli.complete import COUNTRY, MACHINE
from hashjoule.efficiency import economics as eco
from hashjoule.efficiency import sources
from hashjoule.efficiency.lookup import find_machine
from hashjoule.errors import UsageError
from hashjoule.records.files import load_record, to_json
from hashjoule.report.text import columns

GIVEN = "given on the command line"
FLEET_RANGE_J_PER_TH = (18.0, 32.0)
"""From a new air-cooled fleet to the network average that CBECI's energy of 2023-09 implies."""


@dataclass
class Sheet:
    """The inputs with their sources, the results with their units, and the notes of one calculation."""

    inputs: list[dict[str, Any]] = field(default_factory=list)
    results: list[tuple[str, float | int | str | None, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put(self, name: str, value: float, unit: str, source: str, date: str | None = None) -> float:
        """Note an input and hand its value on."""
        self.inputs.append({"name": name, "value": value, "unit": unit, "source": source, "source_date": date})
        return value

    def pick(
        self, name: str, given: float | None, metric: str, unit: str, scale: float = 1.0, region: str = "world"
    ) -> float:
        """The value given, else the newest one of the data set; ``scale`` turns the data set's unit into ``unit``."""
        if given is not None:
            return self.put(name, given, unit, GIVEN)
        point = sources.latest(metric, region)
        return self.put(name, point.value * scale, unit, point.source_url, point.date)

    def add(self, name: str, value: float | int | str | None, unit: str = "") -> None:
        """Note a result; None is unknown or never."""
        self.results.append((name, value, unit))

    def show(self, as_json: bool, extra: dict[str, Any] | None = None) -> None:
        """Print everything, as text or as one JSON document."""
        if as_json:
            results = {name: {"value": value, "unit": unit} for name, value, unit in self.results}
            document = {"inputs": self.inputs, "results": results, "notes": self.notes, **(extra or {})}
            click.echo(to_json(document))
            return
        rows = [(name, unit, _number(value)) for name, value, unit in self.results]
        click.echo(columns(("result", "unit", "value"), rows, left=2))
        click.echo("")
        given = [(i["name"], i["unit"], _number(i["value"])) for i in self.inputs]
        lines = columns(("input", "unit", "value"), given, left=2).splitlines()
        width = max(len(line) for line in lines)
        origins = ["from", *(_origin(i) for i in self.inputs)]
        click.echo("\n".join(f"{line:<{width}}  {origin}" for line, origin in zip(lines, origins, strict=True)))
        for note in self.notes:
            click.echo(f"\nNote: {note}")


def _origin(entry: dict[str, Any]) -> str:
    return f"{entry['source_date']}, {entry['source']}" if entry["source_date"] else str(entry["source"])


def _number(value: float | int | str | None) -> str:
    if value is None:
        return "never"
    if isinstance(value, str | int):
        return f"{value:,}" if isinstance(value, int) else value
    if value == 0:
        return "0"
    digits = 3 - math.floor(math.log10(abs(value)))
    return f"{value:,.{min(10, max(0, digits))}f}" if abs(value) < 1e12 else f"{value:.4g}"


Command = Callable[..., Any]


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several click options as one decorator, shown in the order given."""
    return lambda command: reduce(lambda inner, decorate: decorate(inner), reversed(decorators), command)


network_options = options(
    click.option("--network-ehs", type=POSITIVE, metavar="EH/s", help="Network hash rate."),
    click.option("--difficulty", type=POSITIVE, help="Network difficulty, instead of its hash rate."),
    click.option("--subsidy-btc", type=POSITIVE, metavar="BTC", help="New coins per block."),
    click.option("--fees-btc", type=click.FloatRange(min=0), metavar="BTC", help="Fees per block (default: 0)."),
    click.option("--btc-usd", type=POSITIVE, metavar="USD", help="Price of a bitcoin."),
)
machine_options = options(
    click.option("--machine", type=MACHINE, metavar="NAME", help="A published machine (see `hashjoule table`)."),
    click.option(
        "--record",
        type=click.Path(path_type=Path),
        metavar="RESULT.json",
        help="A measured record: its fastest result.",
    ),
    click.option("--hashrate-ths", type=POSITIVE, metavar="TH/s", help="Hash rate of the machine."),
    click.option("--watts", type=POSITIVE, metavar="W", help="Power of the machine."),
)


@dataclass(frozen=True)
class Rig:
    """One machine: hashes a second, and watts unless they are unknown."""

    name: str
    hashrate_hs: float
    power_w: float | None

    def watts(self) -> float:
        """Power in watts; a machine without one has no costs to speak of."""
        if self.power_w is None:
            raise UsageError(f"the power of {self.name} is not known: give it with --watts")
        return self.power_w


def _rig(
    sheet: Sheet, machine: str | None, record: Path | None, hashrate_ths: float | None, watts: float | None
) -> Rig:
    """The machine that the options name."""
    if sum(value is not None for value in (machine, record, hashrate_ths)) != 1:
        raise UsageError("name one machine: --machine NAME, --record RESULT.json, or --hashrate-ths with --watts")
    if machine is not None:
        row = find_machine(machine)
        rig, source, date = Rig(row.name, row.hashrate_hs, row.power_w), row.source_url, row.source_date
    elif record is not None:
        rig, source, date = _recorded(record)
    else:
        rig, source, date = Rig("the machine", (hashrate_ths or math.nan) * 1e12, None), GIVEN, ""
    sheet.put(f"hash rate of {rig.name}", rig.hashrate_hs / 1e12, "TH/s", source, date or None)
    if watts is not None:
        rig = Rig(rig.name, rig.hashrate_hs, sheet.put("power", watts, "W", GIVEN))
    elif rig.power_w is not None:
        sheet.put("power", rig.power_w, "W", source, date)
    return rig


def _recorded(path: Path) -> tuple[Rig, str, str]:
    """The fastest result of a record, with its measured power if there is one."""
    record = load_record(path)
    if not record.results:
        raise UsageError(f"{path} holds no result")
    best = max(record.results, key=lambda result: result.hashrate_hs.median)
    power = best.energy.joules / best.energy.seconds if best.energy else None
    name = f"{best.backend} on {record.machine.cpu}"
    return Rig(name, best.hashrate_hs.median, power), str(path), record.created[:10]


@dataclass(frozen=True)
class Network:
    """The network and its economy, as far as a miner needs them."""

    hashrate_hs: float
    subsidy_btc: float
    fees_btc: float
    btc_usd: float

    def revenue_usd_per_day(self, hashrate_hs: float) -> float:
        """Expected revenue of a hash rate that is part of this network."""
        return eco.revenue_usd_per_day(hashrate_hs, self.hashrate_hs, self.subsidy_btc, self.fees_btc, self.btc_usd)


def _network(
    sheet: Sheet,
    network_ehs: float | None,
    difficulty: float | None,
    subsidy_btc: float | None,
    fees_btc: float | None,
    btc_usd: float | None,
) -> Network:
    """The network that the options describe, filled up with the newest figures of the data set."""
    if network_ehs is not None and difficulty is not None:
        raise UsageError("give --network-ehs or --difficulty, not both")
    if difficulty is not None:
        rate = eco.network_hashrate_hs(sheet.put("difficulty", difficulty, "1", GIVEN))
    else:
        rate = 1e18 * sheet.pick("network hash rate", network_ehs, "network_hashrate_monthly_mean", "EH/s", scale=1e-6)
    if subsidy_btc is None:
        era = sources.subsidy_eras()[-1]
        subsidy_btc = sheet.put("subsidy", era.subsidy_btc, "BTC/block", era.source_url, era.first_month)
    else:
        sheet.put("subsidy", subsidy_btc, "BTC/block", GIVEN)
    fees = sheet.put(
        "fees", fees_btc or 0.0, "BTC/block", "none in the data set: counted as 0" if fees_btc is None else GIVEN
    )
    price = sheet.pick("bitcoin price", btc_usd, "btc_price_monthly_mean", "USD")
    return Network(rate, subsidy_btc, fees, price)


def _electricity(sheet: Sheet, price: float | None) -> float:
    """The price given, else the median that surveyed miners pay for electricity."""
    if price is not None:
        return sheet.put("electricity price", price, "USD/kWh", GIVEN)
    row = sources.median_electricity_price()
    return sheet.put("electricity price", row.price_usd_per_kwh, "USD/kWh", f"{row.region}: {row.source_url}", row.date)


price_option = click.option("--price", type=POSITIVE, metavar="USD/kWh", help="Electricity price.")


@click.group("economics", context_settings={"help_option_names": ["-h", "--help"]})
def economics_command() -> None:
    """Compute what mining costs and earns.

    Defaults come from the data set and are shown with source and date; every one can be overridden. Nothing is
    fetched from the network.
    """


@economics_command.command("machine")
@machine_options
@price_option
@click.option("--cost-usd", type=POSITIVE, metavar="USD", help="Purchase price, for the pay-back time.")
@network_options
@json_option
def machine_command(
    machine: str | None,
    record: Path | None,
    hashrate_ths: float | None,
    watts: float | None,
    price: float | None,
    cost_usd: float | None,
    as_json: bool,
    **network: float | None,
) -> None:
    """Break-even electricity price, profit a day and pay-back time of one machine."""
    sheet = Sheet()
    rig = _rig(sheet, machine, record, hashrate_ths, watts)
    power_w = rig.watts()
    revenue = _network(sheet, **network).revenue_usd_per_day(rig.hashrate_hs)
    price_usd = _electricity(sheet, price)
    profit = eco.profit_usd_per_day(revenue, power_w, price_usd)
    sheet.add("break-even electricity price", eco.break_even_usd_per_kwh(revenue, power_w), "USD/kWh")
    sheet.add("revenue", revenue, "USD/day")
    sheet.add("electricity", revenue - profit, "USD/day")
    sheet.add("profit", profit, "USD/day")
    if cost_usd is not None:
        sheet.put("purchase price", cost_usd, "USD", GIVEN)
        sheet.add("pay-back time", eco.payback_days(cost_usd, profit), "days")
    sheet.add("efficiency", power_w / rig.hashrate_hs * 1e12, "J/TH")
    sheet.notes.append("At constant difficulty and price; difficulty has risen in most years.")
    sheet.show(as_json)


@economics_command.command("fleet")
@machine_options
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Number of machines.")
@click.option("--ehs", type=POSITIVE, metavar="EH/s", help="Hash rate of the fleet, instead of a number.")
@click.option("--j-per-th", type=POSITIVE, metavar="J/TH", help="Efficiency of the fleet, instead of a machine.")
@click.option("--rise-k", type=POSITIVE, default=12.0, show_default=True, metavar="K", help="Warming of the air.")
@json_option
def fleet_command(
    machine: str | None,
    record: Path | None,
    hashrate_ths: float | None,
    watts: float | None,
    count: int | None,
    ehs: float | None,
    j_per_th: float | None,
    rise_k: float,
    as_json: bool,
) -> None:
    """Power, energy, heat and air of N machines, or of so many EH/s."""
    sheet = Sheet()
    if (count is None) == (ehs is None):
        raise UsageError("say how large the fleet is: --count N or --ehs EH/s")
    if j_per_th is not None:
        if ehs is None or any(value is not None for value in (machine, record, hashrate_ths, watts)):
            raise UsageError("--j-per-th goes with --ehs alone; a machine has its own efficiency")
        rate_hs = sheet.put("fleet hash rate", ehs, "EH/s", GIVEN) * 1e18
        power_w = eco.fleet_power_w(rate_hs, sheet.put("fleet efficiency", j_per_th, "J/TH", GIVEN))
    else:
        rig = _rig(sheet, machine, record, hashrate_ths, watts)
        number = count if count is not None else eco.machines_for((ehs or math.nan) * 1e18, rig.hashrate_hs)
        rate_hs, power_w = rig.hashrate_hs * number, rig.watts() * number
        sheet.add("machines", number)
    sheet.put("warming of the air", rise_k, "K", "default assumption" if rise_k == 12 else GIVEN)
    sheet.add("hash rate", rate_hs / 1e18, "EH/s")
    sheet.add("power", power_w / 1e6, "MW")
    sheet.add("energy", eco.energy_twh_per_year(power_w), "TWh/year")
    sheet.add("heat", power_w / 1e3, "kW")
    sheet.add("heat, imperial", eco.heat_btu_per_h(power_w), "BTU/h")
    sheet.add("air flow", eco.air_flow_m3_per_h(power_w, rise_k), "m3/h")
    sheet.add("air flow, imperial", eco.air_flow_cfm(power_w, rise_k), "CFM")
    sheet.notes.append(
        "Air at 20 degrees Celsius and sea level; cooling, transformers and fans of the hall come on top."
    )
    sheet.show(as_json)


@economics_command.command("block")
@machine_options
@click.option("--difficulty", type=POSITIVE, help="Network difficulty.")
@json_option
def block_command(
    machine: str | None,
    record: Path | None,
    hashrate_ths: float | None,
    watts: float | None,
    difficulty: float | None,
    as_json: bool,
) -> None:
    """Expected time to a block of one's own, and the chance of one."""
    sheet = Sheet()
    rig = _rig(sheet, machine, record, hashrate_ths, watts)
    expected = eco.expected_block_seconds(rig.hashrate_hs, sheet.pick("difficulty", difficulty, "difficulty", "1"))
    year = eco.HOURS_PER_YEAR * 3600
    sheet.add("expected time to a block", expected / 86_400, "days")
    sheet.add("the same", expected / year, "years")
    sheet.add("chance within a day", 100 * eco.block_probability(86_400, expected), "%")
    sheet.add("chance within a year", 100 * eco.block_probability(year, expected), "%")
    sheet.show(as_json)


@economics_command.command("countries")
@click.option(
    "--country", type=COUNTRY, metavar="NAME", help="One country: its shares over time, and machines that make it."
)
@click.option("--date", metavar="YYYY[-MM]", help="A list of that time instead of the newest.")
@machine_options
@click.option("--network-ehs", type=POSITIVE, metavar="EH/s", help="Network hash rate at that time.")
@json_option
def countries_command(
    country: str | None,
    date: str | None,
    machine: str | None,
    record: Path | None,
    hashrate_ths: float | None,
    watts: float | None,
    network_ehs: float | None,
    as_json: bool,
) -> None:
    """Hash rate and power by country, and how concentrated the network is."""
    sheet = Sheet()
    if country is not None:
        rig_wanted = any(value is not None for value in (machine, record, hashrate_ths))
        rig = _rig(sheet, machine, record, hashrate_ths, watts) if rig_wanted else None
        rows = _one_country(sheet, country, network_ehs, rig)
    else:
        rows = _all_countries(sheet, date, network_ehs)
    if not as_json:
        click.echo(columns(("country", "date", "share %", "EH/s", "GW", "kind"), [_cells(row) for row in rows]) + "\n")
    sheet.show(as_json, {"shares": rows})


def _all_countries(sheet: Sheet, date: str | None, network_ehs: float | None) -> list[dict[str, Any]]:
    """The newest measured list (or that of a date), and its concentration."""
    measured = [row for row in sources.country_shares() if row.kind == "measured"]
    sizes: dict[str, int] = {}
    for row in measured:
        sizes[row.date] = sizes.get(row.date, 0) + 1
    lists = [day for day, size in sizes.items() if size >= 3 and day.startswith(date or "")]
    if not lists:
        raise UsageError(f"the data set has no list of countries for {date}; try 2025-07, 2025-05 or 2022-01")
    day = max(lists)
    network = _network_at(sheet, day, network_ehs)
    shares = sorted((row for row in measured if row.date == day), key=lambda row: -row.share_percent)
    summary = eco.concentration({row.country: row.share_percent for row in shares})
    sheet.add("largest share", summary.largest_percent, f"% ({summary.largest})")
    sheet.add("listed together", summary.listed_percent, "%")
    sheet.add("Herfindahl-Hirschman index, at least", summary.hhi_low, "of 10,000")
    sheet.add("Herfindahl-Hirschman index, at most", summary.hhi_high, "of 10,000")
    sheet.add("Nakamoto coefficient", summary.nakamoto, "countries with over half")
    _note_power(sheet)
    return [_share_row(row, network) for row in shares]


def _one_country(sheet: Sheet, country: str, network_ehs: float | None, rig: Rig | None) -> list[dict[str, Any]]:
    """A country's shares over time; what the newest measured one implies."""
    rows = [row for row in sources.country_shares() if row.country.casefold() == country.casefold()]
    if not rows:
        known = ", ".join(sorted({row.country for row in sources.country_shares()}))
        raise UsageError(f"the data set has no shares of {country!r}; it has {known}")
    newest = max((row for row in rows if row.kind == "measured"), key=lambda row: row.date)
    if newest.hashrate_ths is not None and network_ehs is None:
        rate = sheet.put(f"hash rate, {newest.date}", newest.hashrate_ths / 1e6, "EH/s", newest.source_url, newest.date)
        sheet.put("share", newest.share_percent, "%", newest.source_url, newest.date)
        network = eco.whole_from_share(rate, newest.share_percent)
        sheet.add("network implied by rate and share", network, "EH/s")
    else:
        network = _network_at(sheet, newest.date, network_ehs) / 1e18
        rate = network * newest.share_percent / 100
    sheet.add("hash rate", rate, "EH/s")
    if newest.change_quarter_percent is not None:
        change = sheet.put("change in the quarter", newest.change_quarter_percent, "%", newest.source_url, newest.date)
        sheet.add("hash rate a quarter before", eco.before_change(rate, change), "EH/s")
    for bound, j_per_th in zip(("at least", "at most"), FLEET_RANGE_J_PER_TH, strict=True):
        sheet.add(f"power, {bound}", eco.fleet_power_w(rate * 1e18, j_per_th) / 1e9, "GW")
    if rig is not None:
        sheet.add(f"machines like {rig.name} for that share", eco.machines_for(rate * 1e18, rig.hashrate_hs))
    _note_power(sheet)
    _note_projection(sheet, rows)
    return [_share_row(row, _network_near(row.date)) for row in sorted(rows, key=lambda row: row.date)]


def _note_power(sheet: Sheet) -> None:
    low, high = FLEET_RANGE_J_PER_TH
    sheet.notes.append(f"Power for fleets of {low:g} to {high:g} J/TH; the mix of machines of a country is not known.")


def _note_projection(sheet: Sheet, rows: list[sources.CountryShare]) -> None:
    for row in rows:
        if row.kind == "projected":
            same = [other.share_percent for other in rows if other.kind == "measured" and other.date >= "2021-12"]
            sheet.notes.append(
                f"{row.share_percent:g} % for {row.date} is a projection; measured shares were "
                f"{min(same):g} to {max(same):g} %."
            )


def _network_near(date: str) -> float | None:
    """Network hash rate of a month in H/s; None where the data set has none."""
    months = [p for p in sources.network() if p.metric == "network_hashrate_monthly_mean" and p.date == date[:7]]
    return months[0].value * 1e12 if months else None


def _network_at(sheet: Sheet, date: str, network_ehs: float | None) -> float:
    """Network hash rate at a date in H/s, noted with its source."""
    if network_ehs is not None:
        return sheet.put("network hash rate", network_ehs, "EH/s", GIVEN) * 1e18
    point = next(p for p in sources.network() if p.metric == "network_hashrate_monthly_mean" and p.date == date[:7])
    return sheet.put("network hash rate", point.value / 1e6, "EH/s", point.source_url, point.date) * 1e18


def _share_row(row: sources.CountryShare, network_hs: float | None) -> dict[str, Any]:
    rate = row.hashrate_ths * 1e12 if row.hashrate_ths else None
    if rate is None and network_hs is not None and row.kind == "measured":
        rate = network_hs * row.share_percent / 100
    power = [eco.fleet_power_w(rate, j) / 1e9 for j in FLEET_RANGE_J_PER_TH] if rate else None
    return {
        "country": row.country,
        "date": row.date,
        "share_percent": row.share_percent,
        "hashrate_ehs": rate / 1e18 if rate else None,
        "power_gw": power,
        "kind": row.kind,
        "source_url": row.source_url,
        "source_date": row.source_date,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    power = row["power_gw"]
    return (
        row["country"], row["date"], f"{row['share_percent']:.1f}",
        "-" if row["hashrate_ehs"] is None else f"{row['hashrate_ehs']:,.1f}",
        "-" if power is None else f"{power[0]:.2f}-{power[1]:.2f}", row["kind"],
    )  # fmt: skip


@economics_command.command("local")
@machine_options
@click.option("--generation", type=POSITIVE, required=True, metavar="USD/kWh", help="Price at the generator.")
@click.option("--transmission", type=click.FloatRange(min=0), default=0.0, metavar="USD/kWh", help="Cost of the way.")
@click.option("--mw", type=POSITIVE, metavar="MW", help="Stranded power at that place.")
@click.option("--heat-price", type=click.FloatRange(min=0), default=0.0, metavar="USD/kWh", help="Price of heat.")
@click.option("--heat-sold", type=click.FloatRange(0, 1), default=0.0, metavar="PART", help="Part of the heat sold.")
@network_options
@json_option
def local_command(
    machine: str | None,
    record: Path | None,
    hashrate_ths: float | None,
    watts: float | None,
    generation: float,
    transmission: float,
    mw: float | None,
    heat_price: float,
    heat_sold: float,
    as_json: bool,
    **network: float | None,
) -> None:
    """Mining at a place: delivered price, stranded energy, heat sold back."""
    sheet = Sheet()
    rig = _rig(sheet, machine, record, hashrate_ths, watts)
    power_w = rig.watts()
    revenue = _network(sheet, **network).revenue_usd_per_day(rig.hashrate_hs)
    for name, value in (("generation", generation), ("transmission", transmission), ("heat", heat_price)):
        sheet.put(f"{name} price", value, "USD/kWh", GIVEN if value else "default: 0")
    sheet.put("part of the heat sold", heat_sold, "1", GIVEN if heat_sold else "default: 0")
    delivered = eco.delivered_usd_per_kwh(generation, transmission)
    heat = eco.heat_value_usd_per_kwh(heat_price, heat_sold)
    break_even = eco.break_even_usd_per_kwh(revenue, power_w)
    margin = break_even - delivered + heat
    sheet.add("delivered price", delivered, "USD/kWh")
    sheet.add("heat sold back", heat, "USD/kWh")
    sheet.add("mining earns", break_even, "USD/kWh")
    sheet.add("margin", margin, "USD/kWh")
    sheet.add("margin of a machine", margin * eco.energy_kwh_per_day(power_w), "USD/day")
    if mw is not None:
        number = eco.machines_on(sheet.put("stranded power", mw, "MW", GIVEN) * 1e6, power_w)
        sheet.add("machines on it", number)
        sheet.add("their hash rate", number * rig.hashrate_hs / 1e15, "PH/s")
        sheet.add("their margin", margin * eco.energy_kwh_per_day(power_w) * number, "USD/day")
    sheet.notes.append("Power for part of the day earns that part only; purchase and upkeep are not counted.")
    sheet.show(as_json)
