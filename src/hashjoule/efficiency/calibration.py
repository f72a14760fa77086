"""Tests of the energy model on chips that it has not seen, and of what the data can and cannot tell."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hashjoule.data.chips import ChipVoltage
from hashjoule.efficiency.model import ChipPoint, Fit, Law, NodeTable, by_chip, fitted
from hashjoule.errors import UsageError
from hashjoule.statistics import Interval, student_t

_RESAMPLES = 1000


@dataclass(frozen=True)
class Prediction:
    """A chip that the fit has not seen: geometric means over its operating points."""

    chip: str
    maker: str
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


@dataclass(frozen=True)
class Exponent:
    """The slope of log energy over log voltage, with its 95% interval (Student's t)."""

    chip: str
    points: int
    value: float
    low: float
    high: float


def predict(points: Sequence[ChipPoint], law: Law) -> list[Prediction]:
    """Return published against predicted energy for each chip of the points."""
    return [
        Prediction(
            chip=chip,
            maker=own[0].maker,
            process_nm=own[0].process_nm,
            points=len(own),
            published_j_per_th=10 ** statistics.fmean(point.log_energy for point in own),
            predicted_j_per_th=10 ** statistics.fmean(law(point) for point in own),
            boundary=own[0].boundary,
            quality=min((point.quality for point in own), key=("low", "medium", "high").index),
        )
        for chip, own in by_chip(points).items()
    ]


def leave_out(points: Sequence[ChipPoint], fit: Fit, group: Callable[[ChipPoint], object]) -> list[Prediction]:
    """Predict each group of points by a fit to all the others, largest node first."""
    groups: dict[object, list[ChipPoint]] = {}
    for point in points:
        groups.setdefault(group(point), []).append(point)
    predictions = [
        prediction
        for name, own in groups.items()
        for prediction in predict(own, fit([point for point in points if group(point) != name]))
    ]
    return sorted(predictions, key=lambda prediction: -prediction.process_nm)


def leave_one_chip_out(points: Sequence[ChipPoint], fit: Fit) -> list[Prediction]:
    """Predict each chip by a fit to all the others."""
    return leave_out(points, fit, lambda point: point.chip)


def median_error(predictions: Iterable[Prediction]) -> float:
    """Return the median over the chips of the absolute error, in decades."""
    return statistics.median(abs(prediction.error_decades) for prediction in predictions)


def rms_error(predictions: Iterable[Prediction]) -> float:
    """Return the root mean square error over the chips, in decades."""
    return math.sqrt(statistics.fmean(prediction.error_decades**2 for prediction in predictions))


def bootstrap_median_error(points: Sequence[ChipPoint], fit: Fit, seed: int = 1) -> Interval:
    """Return the 95% interval of the median error over resamples of the chips, each refitted and left out anew."""
    chips = [_condensed(own) for own in by_chip(points).values()]
    copies = [[replace(point, chip=f"{point.chip} {number}") for point in chips] for number in range(len(chips))]
    rng = random.Random(seed)
    errors = sorted(
        median_error(_resampled(copies, rng.choices(range(len(chips)), k=len(chips)), fit)) for _ in range(_RESAMPLES)
    )
    return Interval(errors[int(0.025 * _RESAMPLES)], errors[int(0.975 * _RESAMPLES)])


def _condensed(points: Sequence[ChipPoint]) -> ChipPoint:
    """Return a chip's geometric mean: every model here is linear in logarithms and sees nothing else."""
    volts = [point.voltage_v for point in points if point.voltage_v is not None]
    return replace(
        points[0],
        j_per_th=statistics.geometric_mean(point.j_per_th for point in points),
        voltage_v=statistics.geometric_mean(volts) if len(volts) == len(points) else None,
    )


def _resampled(copies: Sequence[Sequence[ChipPoint]], drawn: Sequence[int], fit: Fit) -> list[Prediction]:
    """Leave each chip out of a resample in which chips occur several times, or not at all.

    `copies` holds every chip under as many names as it can be drawn, so that each draw counts as a chip.
    """
    errors = []
    for chip in sorted(set(drawn)):
        others = [copies[number][other] for number, other in enumerate(drawn) if other != chip]
        if len(others) >= 3 and len({point.process_nm for point in others}) > 1:
            errors += predict([copies[0][chip]], fit(others)) * drawn.count(chip)
    return errors


def nested(
    points: Sequence[ChipPoint], candidates: Mapping[str, Fit], group: Callable[[ChipPoint], object]
) -> tuple[list[Prediction], dict[str, int]]:
    """Choose among candidate models by cross-validation within each training set only.

    Returns:
        The predictions of the groups left out, and how often each candidate was chosen.
    """
    chosen = dict.fromkeys(candidates, 0)

    def fit(training: Sequence[ChipPoint]) -> Law:
        name = min(candidates, key=lambda c: rms_error(leave_one_chip_out(training, candidates[c])))
        chosen[name] += 1
        return candidates[name](training)

    return leave_out(points, fit, group), chosen


def table_law(nodes: NodeTable) -> Law:
    """Return the law of the CMOS table: its switching energy, scaled by (V / nominal V)^2."""

    def law(point: ChipPoint) -> float:
        nominal = math.log10(nodes.nominal_voltage_v(point.process_nm))
        scaled = 0.0 if point.voltage_v is None else -2 * nominal
        return point.log_known + math.log10(nodes.switching_energy_fj(point.process_nm)) + scaled

    return law


def fit_overhead(law: Law) -> Fit:
    """Return a fit of one number: the mean of log10(published) - law over the chips."""

    def fit(points: Sequence[ChipPoint]) -> Law:
        overhead = statistics.fmean(
            statistics.fmean(point.log_energy - law(point) for point in own) for own in by_chip(points).values()
        )
        return lambda point: overhead + law(point)

    return fit


def models(nodes: NodeTable) -> dict[str, Fit]:
    """Return the candidate models: three ways in which capacitance may fall with the node."""
    return {
        "table": fit_overhead(table_law(nodes)),
        "proportional": fit_overhead(lambda point: point.log_known + point.log_node),
        "power law": fitted,
    }


def power_law(chip: str, x: Sequence[float], y: Sequence[float]) -> Exponent:
    """Fit log y over log x by least squares, with the interval of the slope.

    Raises:
        UsageError: For fewer than three points, which leave nothing to judge the fit by.
    """
    if len(x) < 3:
        raise UsageError(f"{chip}: a slope with an interval needs at least three points, not {len(x)}")
    return _slope(chip, [([math.log(v) for v in x], [math.log(v) for v in y])])


def voltage_exponent(chip: str, rows: Iterable[ChipVoltage]) -> Exponent:
    """Return the exponent of energy over voltage that a chip's own curve gives; CV^2 says 2."""
    own = [row for row in rows if row.chip == chip and row.boundary == "chip"]
    return power_law(chip, [row.core_voltage_v for row in own], [row.j_per_th for row in own])


def pooled_exponent(chips: Sequence[str], rows: Iterable[ChipVoltage]) -> Exponent:
    """Return one exponent for several chips, each with an overhead of its own."""
    curves = [[row for row in rows if row.chip == chip and row.boundary == "chip"] for chip in chips]
    series = [
        ([math.log(row.core_voltage_v) for row in curve], [math.log(row.j_per_th) for row in curve]) for curve in curves
    ]
    return _slope(" + ".join(chips), series)


def _slope(name: str, series: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Exponent:
    """Return the common slope of several lines with own intercepts."""
    centred = [(a - statistics.fmean(x), b - statistics.fmean(y)) for x, y in series for a, b in zip(x, y, strict=True)]
    spread = sum(a * a for a, _ in centred)
    slope = sum(a * b for a, b in centred) / spread
    freedom = len(centred) - len(series) - 1
    residual = sum((b - slope * a) ** 2 for a, b in centred)
    half = student_t(0.975, freedom) * math.sqrt(residual / freedom / spread)
    return Exponent(name, len(centred), slope, slope - half, slope + half)
