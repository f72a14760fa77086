"""The energy model of a mining chip.

    E = overhead x operations x node^a x V^2

Operations are counted (`operations`). The square is the physics of switched capacitance (CV^2). The capacitance of a
gate falls with the length of its parts, by theory in proportion (Dennard et al. 1974); contacts and wires do worse, so
that the exponent `a` is fitted. So is the overhead: gates per operation, activity, clock, regulators. E is in joules
per terahash, which is picojoules per hash; the node is in nanometres, V the core voltage in volts.

Laws give log10 of an energy. A fit turns points into a law; `calibration` tests it on chips that it has not seen.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from hashjoule.data.chips import Chip, ChipVoltage, CmosNode, chip_voltages
from hashjoule.efficiency.operations import WIDE, count_operations
from hashjoule.errors import UsageError
from hashjoule.statistics import student_t

NODE_RANGE_NM = (5.0, 130.0)
"""The nodes that the model is fitted to; below, it is extrapolated."""


@dataclass(frozen=True)
class ChipPoint:
    """One chip at one operating point; `voltage_v` is None where it is unknown."""

    chip: str
    maker: str
    process_nm: float
    j_per_th: float
    voltage_v: float | None = None
    asicboost: bool = False
    boundary: str = "chip"
    quality: str = "medium"

    @cached_property
    def log_energy(self) -> float:
        """log10 of the energy in J/TH."""
        return math.log10(self.j_per_th)

    @cached_property
    def log_node(self) -> float:
        """log10 of the node in nanometres."""
        return math.log10(self.process_nm)

    @cached_property
    def log_known(self) -> float:
        """log10 of what needs no fit: operations, and the square of the voltage where it is known."""
        operations = math.log10(count_operations(WIDE, rolled=self.asicboost))
        return operations + (0.0 if self.voltage_v is None else 2 * math.log10(self.voltage_v))


Law = Callable[[ChipPoint], float]
"""Predicts log10 of a point's energy in J/TH."""

Fit = Callable[[Sequence[ChipPoint]], Law]


class NodeTable:
    """Switching energy and nominal voltage by CMOS node; below the smallest node both are extrapolated."""

    def __init__(self, nodes: Iterable[CmosNode]) -> None:
        self._nodes = {node.process_nm: node for node in nodes}
        self._ordered = sorted(self._nodes)

    def switching_energy_fj(self, process_nm: float) -> float:
        """Return the energy of a switching event at the node's nominal voltage, in femtojoules."""
        return self._at(process_nm, lambda node: node.switching_energy_fj)

    def nominal_voltage_v(self, process_nm: float) -> float:
        """Return the supply voltage that the energy stands for, in volts."""
        return self._at(process_nm, lambda node: node.nominal_voltage_v)

    def _at(self, process_nm: float, read: Callable[[CmosNode], float]) -> float:
        """Return the table's value, or a power law through the two nearest nodes."""
        if process_nm in self._nodes:
            return read(self._nodes[process_nm])
        above = [nm for nm in self._ordered if nm > process_nm]
        below = [nm for nm in self._ordered if nm < process_nm]
        if not above:
            raise UsageError(f"{process_nm:g} nm is larger than every CMOS node of the data set")
        low, high = (below[-1], above[0]) if below else (self._ordered[0], self._ordered[1])
        slope = math.log(read(self._nodes[high]) / read(self._nodes[low])) / math.log(high / low)
        return read(self._nodes[low]) * math.exp(slope * math.log(process_nm / low))


@dataclass(frozen=True)
class EnergyModel:
    """The fitted model. `scatter_decades` is the standard deviation of a chip about it."""

    log_overhead: float
    node_exponent: float
    node_exponent_error: float
    scatter_decades: float
    chips: int

    def law(self, point: ChipPoint) -> float:
        """Return log10 of a point's predicted energy in J/TH."""
        return self.log_overhead + self.node_exponent * point.log_node + point.log_known

    @property
    def t95(self) -> float:
        """How many standard errors a 95% interval reaches (Student's t)."""
        return student_t(0.975, self.chips - 2)

    @property
    def node_exponent_interval(self) -> tuple[float, float]:
        """The 95% interval of the exponent of the node."""
        margin = self.t95 * self.node_exponent_error
        return self.node_exponent - margin, self.node_exponent + margin


def by_chip(points: Iterable[ChipPoint]) -> dict[str, list[ChipPoint]]:
    """Group points by chip, so that a chip with many points weighs no more than one with a single point."""
    grouped: dict[str, list[ChipPoint]] = {}
    for point in points:
        grouped.setdefault(point.chip, []).append(point)
    return grouped


def points_with_voltage(rows: Iterable[ChipVoltage]) -> list[ChipPoint]:
    """Return the operating points that the model is fitted to: node known and within `NODE_RANGE_NM`.

    Of a chip that has points measured at the chip itself only those count; boards and whole miners add regulators,
    supplies and fans.
    """
    low, high = NODE_RANGE_NM
    points = [
        ChipPoint(
            row.chip,
            row.maker,
            row.process_nm,
            row.j_per_th,
            row.core_voltage_v,
            row.asicboost == "yes",
            row.boundary,
            row.quality,
        )
        for row in rows
        if row.process_nm is not None and low <= row.process_nm <= high
    ]
    bare = {point.chip for point in points if point.boundary == "chip"}
    return [point for point in points if point.boundary == "chip" or point.chip not in bare]


def points_without_voltage(rows: Iterable[Chip], voltages: Iterable[ChipVoltage]) -> list[ChipPoint]:
    """Return every published operating point of a chip, known voltages put away."""
    low, high = NODE_RANGE_NM
    asicboost = {row.chip for row in voltages if row.asicboost == "yes"}
    return [
        ChipPoint(
            row.chip, row.maker, row.process_nm, row.j_per_th, None, row.chip in asicboost, row.boundary, row.quality
        )
        for row in rows
        if row.j_per_th is not None and row.process_nm is not None and low <= row.process_nm <= high
    ]


def fit_model(points: Sequence[ChipPoint]) -> EnergyModel:
    """Fit overhead and node exponent by least squares over the chips' means.

    Raises:
        UsageError: For fewer than three chips, which leave nothing to judge the fit by.
    """
    groups = list(by_chip(points).values())
    if len(groups) < 3:
        raise UsageError(f"the energy model needs at least three chips, not {len(groups)}")
    x = [statistics.fmean(point.log_node for point in own) for own in groups]
    y = [statistics.fmean(point.log_energy - point.log_known for point in own) for own in groups]
    slope, intercept = statistics.linear_regression(x, y)
    squares = sum((b - intercept - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    scatter = math.sqrt(squares / (len(x) - 2))
    spread = math.sqrt(sum((a - statistics.fmean(x)) ** 2 for a in x))
    return EnergyModel(intercept, slope, scatter / spread, scatter, len(groups))


def fitted(points: Sequence[ChipPoint]) -> Law:
    """Fit the model and return its law."""
    return fit_model(points).law


@cache
def published_model() -> EnergyModel:
    """Return the model fitted to every chip of the data set whose core voltage is known."""
    return fit_model(points_with_voltage(chip_voltages()))
