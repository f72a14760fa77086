"""`hashjoule economics`: what mining costs and earns. The calculations stand in `hashjoule.economics`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click

from hashjoule.cli.common import POSITIVE, json_option
from hashjoule.cli.complete import COUNTRY, MACHINE
from hashjoule.cli.frame import Group
from hashjoule.cli.machines import named_machine
from hashjoule.data.network_files import read_network_file
from hashjoule.economics.countries import countries_sheet, country_sheet
from hashjoule.economics.fleet import DEFAULT_RISE_K, fleet_of_efficiency, fleet_of_machines
from hashjoule.economics.inputs import Given, Miner, published_miner, recorded_miner
from hashjoule.economics.machine import Terms, machine_sheet
from hashjoule.economics.place import Place, place_sheet
from hashjoule.economics.sheet import GIVEN, Sheet, document
from hashjoule.economics.solo import solo_sheet
from hashjoule.economics.world import world_sheet
from hashjoule.errors import UsageError
from hashjoule.records.files import load_record, to_json
from hashjoule.report.sheet import sheet_text

Decorator = Callable[[Any], Any]


class Finite(click.FloatRange):
    """A number of a range that is neither infinite nor "nan", which compares with nothing."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; fail with a usage error for anything else."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def _options(*decorators: Decorator) -> Decorator:
    """Several click options as one decorator, in the order given."""
    return lambda function: reduce(lambda found, add: add(found), reversed(decorators), function)


machine_options = _options(
    click.option("--machine", type=MACHINE, metavar="NAME", help="A published machine (see `hashjoule table`)."),
    click.option(
        "--record",
        type=click.Path(path_type=Path),
        metavar="RESULT.json",
        help="A record of `hashjoule bench`: its most efficient result, else the fastest.",
    ),
    click.option("--hashrate-ths", type=POSITIVE, metavar="TH/s", help="A machine of this hash rate."),
    click.option("--watts", type=POSITIVE, metavar="W", help="Power of the machine, in place of its own."),
)
network_file_option = click.option(
    "--network-file",
    "network_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE.json|FILE.csv",
    help="Newer figures that you downloaded; see `hashjoule economics --help`.",
)
network_options = _options(
    click.option("--network-ehs", type=POSITIVE, metavar="EH/s", help="Network hash rate (default: the newest)."),
    click.option("--difficulty", type=POSITIVE, metavar="D", help="Network difficulty, instead of its hash rate."),
    click.option("--subsidy-btc", type=POSITIVE, metavar="BTC", help="Subsidy of a block (default: today's)."),
    click.option(
        "--fees-btc",
        type=Finite(min=0),
        metavar="BTC",
        help="Fees of a block (default: those in the newest hash price).",
    ),
    click.option("--btc-usd", type=POSITIVE, metavar="USD", help="Price of a bitcoin (default: the newest)."),
    network_file_option,
)
price_options = _options(
    click.option(
        "--price",
        type=Finite(),
        metavar="USD/kWh",
        help="Price of electricity; zero or less for curtailed power (default: the median that miners pay).",
    ),
    click.option("--region", metavar="NAME", help="The price that a region pays, such as Texas or China (business)."),
)


def _miner(machine: str | None, record: Path | None, hashrate_ths: float | None) -> Miner:
    """Return the machine that the options name."""
    if sum(value is not None for value in (machine, record, hashrate_ths)) != 1:
        raise UsageError("name one machine: --machine NAME, --record RESULT.json, or --hashrate-ths with --watts")
    if machine is not None:
        return published_miner(named_machine(machine))
    if record is not None:
        return recorded_miner(load_record(record), record.name)
    return Miner("the given machine", (hashrate_ths or 0.0) * 1e12, None, GIVEN)


def _given(network_files: tuple[Path, ...], **figures: float | None) -> Given:
    """Return the network that the options describe."""
    points = [point for path in network_files for point in read_network_file(path)]
    return Given(**figures, points=points)


def _show(sheet: Sheet, as_json: bool) -> None:
    click.echo(to_json(document(sheet)) if as_json else sheet_text(sheet))


@click.group(
    "economics",
    cls=Group,
    examples=(
        "hashjoule economics machine --machine 'Antminer S21'",
        "hashjoule economics countries",
        "hashjoule economics network",
    ),
)
def economics_command() -> None:
    r"""Compute what mining costs and earns.

    Defaults come from the data set and are shown with source and date; every one can be overridden. hashjoule fetches
    nothing from the network. For newer figures download any of these and pass them with --network-file:

    \b
      https://mempool.space/api/v1/mining/hashrate/1m        hash rate, difficulty
      https://mempool.space/api/v1/prices                    price
      https://mempool.space/api/v1/mining/reward-stats/4320  fees

    A table in the format of the data set's network.csv works as well.
    """


@economics_command.command(
    "machine",
    examples=(
        "hashjoule economics machine --machine 'Antminer S21' --region Texas",
        "hashjoule economics machine --machine S9 --price -0.01   # curtailed power",
        "hashjoule economics machine --hashrate-ths 110 --watts 3250 --price 0.06",
        "hashjoule economics machine --machine S21 --cost-usd 3000 --growth 0.4",
    ),
    option_groups={
        "Machine": ["--machine", "--record", "--hashrate-ths", "--watts", "--cost-usd", "--uptime"],
        "Money": ["--price", "--region", "--pool-fee"],
        "Network": [
            "--network-ehs",
            "--difficulty",
            "--subsidy-btc",
            "--fees-btc",
            "--btc-usd",
            "--growth",
            "--network-file",
        ],
    },
)
@machine_options
@price_options
@click.option(
    "--pool-fee",
    type=Finite(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    metavar="PART",
    help="Part of the revenue that the pool keeps, such as 0.02.",
)
@click.option(
    "--uptime",
    type=Finite(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    metavar="PART",
    help="Part of the time that the machine runs, such as 0.95.",
)
@click.option(
    "--growth",
    type=Finite(-1, 100, min_open=True),
    default=0.0,
    show_default=True,
    metavar="PART",
    help="Growth of the difficulty in a year, such as 0.4.",
)
@click.option("--cost-usd", type=POSITIVE, metavar="USD", help="Purchase price, for the pay-back time.")
@network_options
@json_option
def machine_command(
    machine: str | None,
    record: Path | None,
    hashrate_ths: float | None,
    watts: float | None,
    price: float | None,
    region: str | None,
    pool_fee: float,
    uptime: float,
    growth: float,
    cost_usd: float | None,
    network_files: tuple[Path, ...],
    as_json: bool,
    **figures: float | None,
) -> None:
    """Break-even price, profit and pay-back time of a machine."""
    terms = Terms(price, region, pool_fee, uptime, growth, cost_usd)
    miner = _miner(machine, record, hashrate_ths)
    _show(machine_sheet(miner, watts, terms, _given(network_files, **figures)), as_json)


@economics_command.command(
    "fleet",
    examples=(
        "hashjoule economics fleet --machine 'Antminer S21' --count 21000",
        "hashjoule economics fleet --ehs 1 --j-per-th 28",
    ),
)
@machine_options
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Number of machines.")
@click.option("--ehs", type=POSITIVE, metavar="EH/s", help="Hash rate of the fleet, instead of a number.")
@click.option("--j-per-th", type=POSITIVE, metavar="J/TH", help="Efficiency of the fleet, instead of a machine.")
@click.option(
    "--rise-k", type=POSITIVE, default=DEFAULT_RISE_K, show_default=True, metavar="K", help="Warming of the air."
)
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
    """Power, energy, heat and air of many machines."""
    if j_per_th is None:
        miner = _miner(machine, record, hashrate_ths)
        _show(fleet_of_machines(miner, watts, count, ehs, rise_k), as_json)
        return
    if ehs is None or any(value is not None for value in (machine, record, hashrate_ths, watts, count)):
        raise UsageError("--j-per-th goes with --ehs alone; a machine has its own efficiency")
    _show(fleet_of_efficiency(ehs, j_per_th, rise_k), as_json)


@economics_command.command(
    "block",
    examples=(
        "hashjoule economics block --machine 'Bitaxe Gamma 601'",
        "hashjoule economics block --record result.json",
    ),
)
@machine_options
@click.option("--difficulty", type=POSITIVE, metavar="D", help="Network difficulty (default: the newest).")
@network_file_option
@json_option
def block_command(
    machine: str | None,
    record: Path | None,
    hashrate_ths: float | None,
    watts: float | None,
    difficulty: float | None,
    network_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Compute the expected time to a block of one's own, and its chance."""
    miner = _miner(machine, record, hashrate_ths)
    _show(solo_sheet(miner, watts, _given(network_files, difficulty=difficulty)), as_json)


@economics_command.command(
    "countries",
    examples=(
        "hashjoule economics countries                       # the newest list",
        "hashjoule economics countries --date 2022-01",
        "hashjoule economics countries --country usa --machine 'Antminer S21'",
    ),
)
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
    """Hash rate and power by country, and their concentration."""
    wanted = any(value is not None for value in (machine, record, hashrate_ths))
    if country is None:
        if wanted or watts is not None:
            raise UsageError("a machine goes with --country: how many of it make the country's share")
        _show(countries_sheet(date, network_ehs), as_json)
        return
    if date is not None:
        raise UsageError("--country shows all dates; leave out --date")
    _show(country_sheet(country, network_ehs, _miner(machine, record, hashrate_ths) if wanted else None), as_json)


@economics_command.command(
    "network",
    examples=(
        "hashjoule economics network                 # now, and the published years",
        "hashjoule economics network --month 2021-05 --month 2021-07",
    ),
)
@click.option("--month", "months", multiple=True, metavar="YYYY-MM", help="A month; several are listed below another.")
@click.option("--network-ehs", type=POSITIVE, metavar="EH/s", help="Network hash rate in that month.")
@json_option
def network_command(months: tuple[str, ...], network_ehs: float | None, as_json: bool) -> None:
    """Power, energy and emissions of the whole network.

    The efficiency of the fleet is estimated from the machines that had shipped and earned their electricity, with
    bounds; the list sets it beside what others published.
    """
    _show(world_sheet(months, Given(network_ehs=network_ehs)), as_json)


@economics_command.command(
    "local",
    examples=(
        "hashjoule economics local --machine S21 --generation 0.03 --transmission 0.02",
        "hashjoule economics local --machine S19 --generation 0 --mw 5",
    ),
)
@machine_options
@click.option(
    "--generation", type=Finite(), required=True, metavar="USD/kWh", help="Price at the generator; may be zero or less."
)
@click.option(
    "--transmission",
    type=Finite(min=0),
    default=0.0,
    show_default=True,
    metavar="USD/kWh",
    help="Cost of the way.",
)
@click.option("--mw", type=POSITIVE, metavar="MW", help="Stranded power at that place.")
@click.option(
    "--heat-price",
    type=Finite(min=0),
    default=0.0,
    show_default=True,
    metavar="USD/kWh",
    help="Price of heat.",
)
@click.option(
    "--heat-sold",
    type=Finite(0, 1),
    default=0.0,
    show_default=True,
    metavar="PART",
    help="Part of the heat that is sold.",
)
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
    network_files: tuple[Path, ...],
    as_json: bool,
    **figures: float | None,
) -> None:
    """Mining where power is made, or its heat is sold."""
    place = Place(generation, transmission, mw, heat_price, heat_sold)
    miner = _miner(machine, record, hashrate_ths)
    _show(place_sheet(miner, watts, place, _given(network_files, **figures)), as_json)
