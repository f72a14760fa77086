"""The energy model of a mining chip, fitted on published chips and tested on the chips it has not seen.

E = operations x energy per operation(node) x (V / Vnominal)^2 x overhead

Operations are counted (``operations``), energy and nominal voltage of a node are the CMOS table's (Stillmaker & Baas
2017, IRDS 2017), the square is the physics of switched capacitance (CV^2). What is left for the data is one number,
the overhead: gates per operation, activity, wires, clock, regulators. E is in joules per terahash, which is
picojoules per hash.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from hashjoule.efficiency.operations import WIDE, count_operations
from hashjoule.efficiency.sources import Chip, ChipVoltage, CmosNode
from hashjoule.errors import UsageError
from hashjoule.statistics import student_t

NODE_RANGE_NM = (5.0, 130.0)
"""The CMOS nodes that the bars of the calibration are set for."""


@dataclass(frozen=True)
class Exponent:
    """The slope of log energy over log voltage of one chip, with its 95 % interval (Student's t)."""

    chip: str
    points: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """What the model is fitted to: one chip at one operating point; ``voltage_v`` is None where it is unknown."""

    chip: str
    process_nm: float
    j_per_th: float
    voltage_v: float | None = None
    asicboost: bool = False
    boundary: str = "chip"
    quality: str = "medium"


@dataclass(frozen=True)
class Prediction:
    """A chip that the fit has not seen: the mean over its operating points, in decades (powers of ten)."""

    chip: str
    process_nm: float
    points: int
    published_j_per_th: float
    predicted_j_per_th: float
    boundary: str
    quality: str

    @property
    def error_decades(self) -> float:
        """log10 of predicted over published: +0.3 is a factor two too much."""
        return math.log10(self.predicted_j_per_th / self.published_j_per_th)


Law = Callable[[Point], float]
"""Predicts log10 of a point's energy in J/TH."""

Fit = Callable[[Sequence[Point]], Law]


class NodeTable:
    """Energy and nominal voltage by CMOS node; below the smallest node of the table both are extrapolated."""

    def __init__(self, nodes: Iterable[CmosNode]) -> None:
        self._nodes = {node.process_nm: node for node in nodes}
        self._ordered = sorted(self._nodes)

    @property
    def smallest_nm(self) -> float:
        """The smallest node that the table holds: what lies below is extrapolated."""
        return self._ordered[0]

    def switching_energy_fj(self, process_nm: float) -> float:
        """Energy of a switching event at the node's nominal voltage, in femtojoules."""
        return self._at(process_nm, lambda node: node.switching_energy_fj)

    def nominal_voltage_v(self, process_nm: float) -> float:
        """Supply voltage that the energy stands for, in volts."""
        return self._at(process_nm, lambda node: node.nominal_voltage_v)

    def _at(self, process_nm: float, read: Callable[[CmosNode], float]) -> float:
        """The table's value, or a power law through the two nearest nodes."""
        if process_nm in self._nodes:
            return read(self._nodes[process_nm])
        above = [nm for nm in self._ordered if nm > process_nm]
        below = [nm for nm in self._ordered if nm < process_nm]
        if not above:
            raise UsageError(f"{process_nm:g} nm is larger than every CMOS node of the data set")
        low, high = (below[-1], above[0]) if below else (self._ordered[0], self._ordered[1])
        slope = math.log(read(self._nodes[high]) / read(self._nodes[low])) / math.log(high / low)
        return read(self._nodes[low]) * math.exp(slope * math.log(process_nm / low))


def power_law(chip: str, x: Sequence[float], y: Sequence[float]) -> Exponent:
    """Least squares of log y over log x, with the interval of the slope.

    Raises:
        UsageError: for fewer than three points, which leave nothing to judge the fit by.
    """
    if len(x) < 3:
        raise UsageError(f"{chip}: a slope with an interval needs at least three points, not {len(x)}")
    log_x, log_y = [math.log(value) for value in x], [math.log(value) for value in y]
    slope, intercept = statistics.linear_regression(log_x, log_y)
    residual = sum((b - intercept - slope * a) ** 2 for a, b in zip(log_x, log_y, strict=True))
    spread = sum((a - statistics.mean(log_x)) ** 2 for a in log_x)
    freedom = len(x) - 2
    half = student_t(0.975, freedom) * math.sqrt(residual / freedom / spread)
    return Exponent(chip, len(x), slope, slope - half, slope + half)


def voltage_exponent(chip: str, points: Iterable[ChipVoltage]) -> Exponent:
    """The exponent of energy over voltage that a chip's own curve gives; CV^2 says 2."""
    own = [point for point in points if point.chip == chip]
    return power_law(chip, [point.core_voltage_v for point in own], [point.j_per_th for point in own])


def points_with_voltage(rows: Iterable[ChipVoltage]) -> list[Point]:
    """The operating points that the voltage model can be fitted to: node known and within its range."""
    low, high = NODE_RANGE_NM
    return [
        Point(
            chip=row.chip,
            process_nm=row.process_nm,
            j_per_th=row.j_per_th,
            voltage_v=row.core_voltage_v,
            asicboost=row.asicboost == "yes",
            boundary=row.boundary,
            quality=row.quality,
        )
        for row in rows
        if row.process_nm is not None and low <= row.process_nm <= high
    ]


def points_without_voltage(rows: Iterable[Chip], voltages: Iterable[ChipVoltage]) -> list[Point]:
    """Every published operating point of a chip, known voltages put away."""
    low, high = NODE_RANGE_NM
    asicboost = {row.chip for row in voltages if row.asicboost == "yes"}
    return [
        Point(row.chip, row.process_nm, row.j_per_th, None, row.chip in asicboost, row.boundary, row.quality)
        for row in rows
        if row.j_per_th is not None and row.process_nm is not None and low <= row.process_nm <= high
    ]


def by_chip(points: Iterable[Point]) -> dict[str, list[Point]]:
    """The points of each chip, so that a chip with many points weighs no more than one with a single point."""
    grouped: dict[str, list[Point]] = {}
    for point in points:
        grouped.setdefault(point.chip, []).append(point)
    return grouped


def physics(nodes: NodeTable, *, node: bool = True, voltage: bool = True, operations: bool = True) -> Law:
    """log10 of the model without its overhead; single terms can be left out to see what each one brings."""

    def law(point: Point) -> float:
        total = math.log10(count_operations(WIDE, rolled=point.asicboost)) if operations else 0.0
        total += math.log10(nodes.switching_energy_fj(point.process_nm)) if node else 0.0
        if voltage and point.voltage_v is not None:
            total += 2 * math.log10(point.voltage_v / nodes.nominal_voltage_v(point.process_nm))
        return total

    return law


def fit_overhead(law: Law) -> Fit:
    """One free number: the mean of log10(published) - law over the chips."""

    def fit(points: Sequence[Point]) -> Law:
        overhead = statistics.mean(
            statistics.mean(math.log10(point.j_per_th) - law(point) for point in own)
            for own in by_chip(points).values()
        )
        return lambda point: overhead + law(point)

    return fit


def fit_line(law: Law) -> Fit:
    """Two free numbers: overhead and slope, for chips whose voltage is unknown and falls as the node does."""

    def fit(points: Sequence[Point]) -> Law:
        groups = by_chip(points).values()
        x = [statistics.mean(law(point) for point in own) for own in groups]
        y = [statistics.mean(math.log10(point.j_per_th) for point in own) for own in groups]
        slope, intercept = statistics.linear_regression(x, y)
        return lambda point: intercept + slope * law(point)

    return fit


def predict(points: Sequence[Point], law: Law) -> list[Prediction]:
    """Published against predicted for each chip: geometric means over its operating points."""
    return [
        Prediction(
            chip=chip,
            process_nm=own[0].process_nm,
            points=len(own),
            published_j_per_th=10 ** statistics.mean(math.log10(point.j_per_th) for point in own),
            predicted_j_per_th=10 ** statistics.mean(law(point) for point in own),
            boundary=own[0].boundary,
            quality=min((point.quality for point in own), key=("low", "medium", "high").index),
        )
        for chip, own in by_chip(points).items()
    ]


def leave_one_chip_out(points: Sequence[Point], fit: Fit) -> list[Prediction]:
    """Each chip predicted by a fit to all the others, largest node first."""
    predictions = [
        prediction
        for chip, own in by_chip(points).items()
        for prediction in predict(own, fit([point for point in points if point.chip != chip]))
    ]
    return sorted(predictions, key=lambda prediction: -prediction.process_nm)


def median_error_decades(predictions: Iterable[Prediction]) -> float:
    """Median over the chips of the absolute error, in decades."""
    return statistics.median(abs(prediction.error_decades) for prediction in predictions)


@dataclass(frozen=True)
class WallSplit:
    """The gain of Bitcoin ASICs in throughput per die area, split into CMOS and specialisation."""

    degree: int
    performance: float
    cmos: float
    specialisation: float


def accelerator_wall(rows: Iterable[Chip], degree: int = 3) -> WallSplit:
    """The Accelerator Wall's split (Fuchs & Wentzlaff, HPCA 2019) from their own points, by trend lines.

    Throughput per area, modelled CMOS potential per area and their ratio (the chip specialisation return) are
    divided by the first 130 nm chip's, a polynomial in time is fitted to the logarithm of each, and its value at the
    last chip is the gain. They print 307.4 and 1.7.
    """
    used = [row for row in rows if row.cmos_potential_per_mm2 is not None]
    days = [date.fromisoformat(row.shipped or "").toordinal() for row in used]
    years = [(day - min(days)) / 365.25 for day in days]
    throughput = [(row.hashrate_ghs or math.nan) / (row.die_mm2 or math.nan) for row in used]
    potential = [row.cmos_potential_per_mm2 or math.nan for row in used]
    first = days.index(min(days))

    def gain(values: Sequence[float]) -> float:
        relative = [math.log10(value / values[first]) for value in values]
        coefficients = polynomial_fit(years, relative, degree)
        return float(10 ** sum(c * max(years) ** power for power, c in enumerate(coefficients)))

    returns = [measured / modelled for measured, modelled in zip(throughput, potential, strict=True)]
    return WallSplit(degree, gain(throughput), gain(potential), gain(returns))


def polynomial_fit(x: Sequence[float], y: Sequence[float], degree: int) -> list[float]:
    """Least-squares polynomial, lowest power first: the normal equations solved by Gaussian elimination."""
    size = degree + 1
    rows = [
        [sum(value ** (i + j) for value in x) for j in range(size)] + [sum(b * a**i for a, b in zip(x, y, strict=True))]
        for i in range(size)
    ]
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(size):
            if k != i:
                factor = rows[k][i] / rows[i][i]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [rows[i][size] / rows[i][i] for i in range(size)]
