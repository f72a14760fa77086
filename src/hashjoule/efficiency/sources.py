"""The data that calibration, explanation and economics stand on: chips, voltages, CMOS nodes, network, prices.

Every table is a CSV file in ``hashjoule/data``; every row names its source and the source's date. A row that breaks
its schema is refused with the file, the line and the field.
"""

from __future__ import annotations

import csv
import datetime
import importlib.resources
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from hashjoule.errors import UsageError

_DATE_FIELDS = ("date", "shipped", "first_month", "source_date")

Positive = Annotated[float, msgspec.Meta(gt=0)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Date = Annotated[str, msgspec.Meta(pattern=r"^\d{4}(-\d{2}(-\d{2})?|-Q[1-4])?$")]
Quality = Literal["high", "medium", "low"]
Boundary = Literal["chip", "board", "system"]


class Sourced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row that says where it comes from; ``source_date`` is the source's date, or the day it was read."""

    source_url: Text
    source_date: Date
    note: str = ""


class Chip(Sourced, frozen=True, kw_only=True):
    """A mining chip at one operating point, as published; the voltage is not known here."""

    chip: Text
    maker: str = ""
    shipped: Date | None = None
    process_nm: Positive | None = None
    hashrate_ghs: Positive | None = None
    die_mm2: Positive | None = None
    j_per_th: Positive | None = None
    boundary: Boundary
    cmos_potential_per_mm2: Positive | None = None
    """Modelled CMOS throughput potential per die area (Accelerator Wall data set); arbitrary unit."""
    used_in: str = ""
    quality: Quality


class ChipVoltage(Sourced, frozen=True, kw_only=True):
    """A mining chip at a known core voltage (volts across one transistor stack, not the board's rail)."""

    chip: Text
    maker: Text
    process_nm: Positive | None = None
    core_voltage_v: Positive
    hashrate_ghs: Positive | None = None
    j_per_th: Positive
    boundary: Boundary
    asicboost: Literal["yes", "no"]
    kind: Literal["datasheet", "measured", "derived", "claim"]
    quality: Quality


class CmosNode(Sourced, frozen=True, kw_only=True):
    """Energy of one switching event and supply voltage of a CMOS node, both nominal."""

    process_nm: Positive
    switching_energy_fj: Positive
    nominal_voltage_v: Positive


class Processor(Sourced, frozen=True, kw_only=True):
    """Node and supply range of programmable machines whose name contains ``match``."""

    match: Text
    machine_class: Literal["cpu", "gpu", "fpga"]
    process_nm: Positive
    voltage_low_v: Positive | None = None
    voltage_high_v: Positive | None = None


class NetworkPoint(Sourced, frozen=True, kw_only=True):
    """One figure of the Bitcoin network or its economy at one date."""

    date: Date
    metric: Text
    value: Positive
    unit: Text
    region: Text
    source_title: str = ""


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


Row = TypeVar("Row", bound=Sourced)


def read_csv(path: Path, row_type: type[Row], *, today: datetime.date | None = None) -> tuple[Row, ...]:
    """Read and check a table.

    Raises:
        UsageError: with file, line and field, when a row breaks the schema or bears a date that is still to come.
    """
    latest = (today or datetime.date.today()).isoformat()
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            return tuple(_row(path.name, reader.line_num, cells, row_type, latest) for cells in reader)
        except csv.Error as error:
            raise UsageError(f"{path.name}, line {reader.reader.line_num}: {error}") from error


def _row(file: str, line: int, cells: dict[str, str], row_type: type[Row], latest: str) -> Row:
    where = f"{file}, line {line}"
    if None in cells or None in cells.values():
        raise UsageError(f"{where}: the number of cells differs from the header's")
    given = {name: cell for name, cell in cells.items() if cell != ""}
    try:
        row = msgspec.convert(given, row_type, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}, {_field(str(error))}") from error
    for name in _DATE_FIELDS:
        value = given.get(name, "")
        if value.split("-Q")[0] > latest[: len(value.split("-Q")[0])]:
            raise UsageError(f"{where}, field {name}: the date {value} is in the future")
    return row


def _field(message: str) -> str:
    """Turn msgspec's message into ``field NAME: what is wrong``."""
    named = re.match(r"(?P<what>.*) - at `\$\.(?P<field>\w+)`$", message)
    if named:
        return f"field {named['field']}: {named['what'][0].lower()}{named['what'][1:]}"
    other = re.match(r"Object (missing required|contains unknown) field `(?P<field>\w+)`", message)
    return f"field {other['field']}: {'is required' if 'missing' in message else 'is unknown'}" if other else message


def _shipped(name: str, row_type: type[Row]) -> tuple[Row, ...]:
    with importlib.resources.as_file(importlib.resources.files("hashjoule") / "data" / name) as path:
        return read_csv(path, row_type)


@cache
def chips() -> tuple[Chip, ...]:
    """Published operating points of mining chips, 130 to 3 nm."""
    return _shipped("chips.csv", Chip)


@cache
def chip_voltages() -> tuple[ChipVoltage, ...]:
    """Operating points of mining chips whose core voltage is known."""
    return _shipped("chip_voltage.csv", ChipVoltage)


@cache
def cmos_nodes() -> tuple[CmosNode, ...]:
    """Switching energy and nominal voltage of each CMOS node, 180 to 5 nm."""
    return _shipped("cmos_nodes.csv", CmosNode)


@cache
def processors() -> tuple[Processor, ...]:
    """Node and supply of the CPUs, GPUs and FPGAs whose node a source names."""
    return _shipped("processors.csv", Processor)


@cache
def network() -> tuple[NetworkPoint, ...]:
    """Hash rate, difficulty, prices, energy and fleet efficiency of the network, 2009 to 2026."""
    return _shipped("network.csv", NetworkPoint)


@cache
def country_shares() -> tuple[CountryShare, ...]:
    """Shares of the network's hash rate by country."""
    return _shipped("country_shares.csv", CountryShare)


@cache
def electricity_prices() -> tuple[ElectricityPrice, ...]:
    """Electricity prices that miners and industry pay, by region."""
    return _shipped("electricity_prices.csv", ElectricityPrice)


@cache
def subsidy_eras() -> tuple[SubsidyEra, ...]:
    """The subsidy of a block by height."""
    return _shipped("subsidy.csv", SubsidyEra)


def latest(metric: str, region: str = "world") -> NetworkPoint:
    """The newest figure of a metric.

    Raises:
        UsageError: when the data set has none.
    """
    found = [point for point in network() if point.metric == metric and point.region == region]
    if not found:
        raise UsageError(f"the data set has no {metric} for {region}")
    return max(found, key=lambda point: point.date)


def median_electricity_price() -> ElectricityPrice:
    """The median that surveyed miners pay for electricity."""
    return next(row for row in electricity_prices() if row.kind == "electricity median")
