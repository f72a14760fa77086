"""Mining chips and their voltages, CMOS nodes, and what is known of programmable processors."""

from __future__ import annotations

from functools import cache
from typing import Literal

from hashjoule.data.reading import Date, Positive, Quality, Sourced, Text, shipped_table

ChipBoundary = Literal["chip", "board", "system"]


class Chip(Sourced, frozen=True, kw_only=True):
    """A mining chip at one operating point, as published; the voltage is not known here."""

    chip: Text
    maker: str = ""
    shipped: Date | None = None
    process_nm: Positive | None = None
    hashrate_ghs: Positive | None = None
    die_mm2: Positive | None = None
    j_per_th: Positive | None = None
    boundary: ChipBoundary
    cmos_potential_per_mm2: Positive | None = None
    """Modelled CMOS throughput potential per die area (Accelerator Wall data set); arbitrary unit."""
    used_in: str = ""
    quality: Quality


class ChipVoltage(Sourced, frozen=True, kw_only=True):
    """A mining chip at a known core voltage (volts across one transistor stack, not the board's rail)."""

    chip: Text
    maker: Text
    machine: str = ""
    """The model of which this is the stock operating point; empty for a point of the chip alone."""
    process_nm: Positive | None = None
    core_voltage_v: Positive
    hashrate_ghs: Positive | None = None
    j_per_th: Positive
    boundary: ChipBoundary
    asicboost: Literal["yes", "no"]
    kind: Literal["datasheet", "measured", "derived", "claim"]
    quality: Quality


class CmosNode(Sourced, frozen=True, kw_only=True):
    """Energy of one switching event and supply voltage of a CMOS node, both nominal."""

    process_nm: Positive
    switching_energy_fj: Positive
    nominal_voltage_v: Positive


class Processor(Sourced, frozen=True, kw_only=True):
    """Node and supply range of the CPUs, GPUs and FPGAs whose name contains `match`."""

    match: Text
    machine_class: Literal["cpu", "gpu", "fpga"]
    process_nm: Positive
    voltage_low_v: Positive | None = None
    voltage_high_v: Positive | None = None


class Architecture(Sourced, frozen=True, kw_only=True):
    """Instructions that a GPU of an architecture executes for one double SHA-256 of a header."""

    architecture: Text
    match: Text
    """Parts of device or chip names that belong to it, separated by `|`."""
    instructions: Positive
    instructions_low: Positive
    instructions_high: Positive
    logic: Text
    """What its integer unit can do in one instruction, in words."""


@cache
def chips() -> tuple[Chip, ...]:
    """Return the published operating points of mining chips, 130 to 3 nm."""
    return shipped_table("chips.csv", Chip)


@cache
def chip_voltages() -> tuple[ChipVoltage, ...]:
    """Return the operating points of mining chips whose core voltage is known."""
    return shipped_table("chip_voltage.csv", ChipVoltage)


@cache
def cmos_nodes() -> tuple[CmosNode, ...]:
    """Return switching energy and nominal voltage of each CMOS node, 180 to 5 nm."""
    return shipped_table("cmos_nodes.csv", CmosNode)


@cache
def processors() -> tuple[Processor, ...]:
    """Return node and supply of the CPUs, GPUs and FPGAs whose node a source names."""
    return shipped_table("processors.csv", Processor)


@cache
def architectures() -> tuple[Architecture, ...]:
    """Return the instructions per hash of each GPU architecture."""
    return shipped_table("gpu_architectures.csv", Architecture)


def processor_named(name: str) -> Processor | None:
    """Return the first processor whose pattern a device name contains."""
    return next((p for p in processors() if p.match.casefold() in name.casefold()), None)
