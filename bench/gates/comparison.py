"""The counted energy of a hash beside the published one, for every chip whose node and voltage are known."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from hashjoule.data.chips import ChipVoltage, chip_voltages
from hashjoule.data.hardware import PublishedMachine, machines
from hashjoule.efficiency.bottom_up import BottomUp, Estimate, Silicon, gates_j_per_th
from hashjoule.efficiency.explain.counted import counted
from hashjoule.efficiency.explain.published import VOLTAGE_ERROR, published_subject
from hashjoule.efficiency.model import ChipPoint, published_model

BAR = 4.0
"""A published energy further than this from the counted one is explained by hand."""


@dataclass(frozen=True)
class ChipComparison:
    """A chip's published energy in J/TH over its operating points (geometric means) beside two predictions."""

    chip: str
    maker: str
    process_nm: float
    voltages_v: tuple[float, float]
    boundary: str
    quality: str
    published: float
    counted: Estimate
    calibrated: float

    @property
    def name(self) -> str:
        """The maker's name and the chip's."""
        return self.chip if self.maker == self.chip else f"{self.maker} {self.chip}"

    @property
    def ratio(self) -> float:
        """How many times the counted energy is published."""
        return self.published / self.counted.value


@dataclass(frozen=True)
class MachineComparison:
    """A programmable machine's published energy in J/TH beside that of its gates and its instructions."""

    machine: PublishedMachine
    process_nm: float
    published: float
    is_bound: bool
    predicted: BottomUp


def silicon_of(point: ChipVoltage) -> Silicon:
    """Return a chip's node and voltage, the voltage with the error of its source."""
    assert point.process_nm is not None
    volts = point.core_voltage_v
    return Silicon(point.process_nm, Estimate(volts, volts / (1 + VOLTAGE_ERROR), volts * (1 + VOLTAGE_ERROR)))


def chips() -> list[ChipComparison]:
    """Return every chip of known node and voltage, largest node first."""
    grouped: dict[str, list[ChipVoltage]] = {}
    for point in chip_voltages():
        if point.process_nm is not None:
            grouped.setdefault(point.chip, []).append(point)
    return sorted((_chip(points) for points in grouped.values()), key=lambda chip: (-chip.process_nm, chip.chip))


def _chip(points: list[ChipVoltage]) -> ChipComparison:
    """Compare a chip; points measured at the chip itself exclude those of boards and whole miners."""
    points = [point for point in points if point.boundary == "chip"] or points
    first = points[0]
    assert first.process_nm is not None
    counted = [gates_j_per_th(silicon_of(point), asicboost=point.asicboost == "yes") for point in points]
    volts = [point.core_voltage_v for point in points]
    ends = [[estimate.value, estimate.low, estimate.high] for estimate in counted]
    return ChipComparison(
        first.chip,
        first.maker,
        first.process_nm,
        (min(volts), max(volts)),
        "/".join(sorted({point.boundary for point in points})),
        "/".join(sorted({point.quality for point in points})),
        statistics.geometric_mean(point.j_per_th for point in points),
        Estimate(*(statistics.geometric_mean(column) for column in zip(*ends, strict=True))),
        statistics.geometric_mean(10 ** published_model().law(_model_point(point)) for point in points),
    )


def _model_point(point: ChipVoltage) -> ChipPoint:
    assert point.process_nm is not None
    rolls = point.asicboost == "yes"
    return ChipPoint(point.chip, point.maker, point.process_nm, point.j_per_th, point.core_voltage_v, rolls)


def programmable_machines() -> list[MachineComparison]:
    """Return the CPUs, GPUs and FPGAs whose node and power are known, each model in its best mode."""
    found: dict[str, MachineComparison] = {}
    for machine in machines():
        if machine.machine_class == "asic" or machine.power_w is None:
            continue
        subject = published_subject(machine)
        beside = counted(subject)
        if beside is None or subject.process_nm is None:
            continue
        row = MachineComparison(machine, subject.process_nm, subject.j_per_th, machine.is_bound, beside.predicted)
        if machine.model not in found or row.published < found[machine.model].published:
            found[machine.model] = row
    return sorted(found.values(), key=lambda row: (row.machine.machine_class, row.published))


def decades(pairs: Iterable[tuple[float, float]]) -> float:
    """Return the median of log10(first / second)."""
    return statistics.median(math.log10(first / second) for first, second in pairs)
