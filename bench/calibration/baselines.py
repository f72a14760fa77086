"""What simpler and richer models give on the same chips, by least squares over the chips' means."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hashjoule.data.chips import chips
from hashjoule.data.hardware import machines
from hashjoule.efficiency.model import ChipPoint, NodeTable, by_chip
from hashjoule.efficiency.operations import WIDE, count_operations
from hashjoule.efficiency.trend import decimal_year

FINFET_NM = 16.0
"""Chips of this node and below have fins."""


@dataclass(frozen=True)
class ChipMean:
    """A chip: logarithms of its mean energy, voltage and node, whether it rolls versions, and its year."""

    chip: str
    log_energy: float
    log_voltage: float
    volts: float
    log_node: float
    rolled: bool
    year: float | None


@dataclass(frozen=True)
class Baseline:
    """A linear model of log energy: `features` are fitted, `known` is not."""

    name: str
    numbers: int
    features: Callable[[ChipMean], Sequence[float]]
    known: Callable[[ChipMean], float]


@dataclass(frozen=True)
class Score:
    """How a baseline predicts chips that it has not seen, and its coefficients on all of them."""

    median: float
    rms: float
    coefficients: tuple[float, ...]
    errors: tuple[float, ...]
    """Standard errors of the coefficients."""


def shipping_years() -> dict[str, float]:
    """Return the year in which each chip first shipped, as the earliest of our sources has it."""
    dated = [(row.chip, row.shipped) for row in chips() if row.shipped]
    dated += [(machine.chip, machine.shipped) for machine in machines() if machine.chip and machine.shipped]
    years: dict[str, float] = {}
    for chip, day in dated:
        years[chip] = min(decimal_year(day), years.get(chip, math.inf))
    return years


def chip_means(points: Sequence[ChipPoint]) -> list[ChipMean]:
    """Return the chips of these points."""
    years = shipping_years()
    return [
        ChipMean(
            chip,
            statistics.mean(point.log_energy for point in own),
            statistics.mean(math.log10(point.voltage_v or math.nan) for point in own),
            statistics.mean(point.voltage_v or math.nan for point in own),
            own[0].log_node,
            own[0].asicboost,
            years.get(chip),
        )
        for chip, own in by_chip(points).items()
    ]


def _operations(chip: ChipMean) -> float:
    return math.log10(count_operations(WIDE, rolled=chip.rolled))


def _power_law(chip: ChipMean) -> float:
    return _operations(chip) + 2 * chip.log_voltage


def _of_table(nodes: NodeTable) -> Callable[[ChipMean], float]:
    def known(chip: ChipMean) -> float:
        node = 10**chip.log_node
        per_operation = math.log10(nodes.switching_energy_fj(node)) - 2 * math.log10(nodes.nominal_voltage_v(node))
        return per_operation + 2 * chip.log_voltage

    return known


def baselines(nodes: NodeTable) -> list[Baseline]:
    """Return the models that stand beside ours."""
    table = _of_table(nodes)
    return [
        Baseline("overhead alone", 1, lambda c: [1.0], lambda c: 0.0),
        Baseline("+ energy of the node (IRDS table)", 1, lambda c: [1.0], lambda c: table(c) - 2 * c.log_voltage),
        Baseline("+ V squared", 1, lambda c: [1.0], table),
        Baseline("+ operations: the table model", 1, lambda c: [1.0], lambda c: table(c) + _operations(c)),
        Baseline("capacitance in proportion to the node", 1, lambda c: [1.0], lambda c: _power_law(c) + c.log_node),
        Baseline("power law of the node: our model", 2, lambda c: [1.0, c.log_node], _power_law),
        Baseline(
            "our model and a step at FinFETs",
            3,
            lambda c: [1.0, c.log_node, float(10**c.log_node <= FINFET_NM)],
            _power_law,
        ),
        Baseline("our model and leakage, as 1/V", 3, lambda c: [1.0, c.log_node, 1 / c.volts], _power_law),
        Baseline("no physics: log V and log nm", 3, lambda c: [1.0, c.log_node, c.log_voltage], lambda c: 0.0),
        Baseline("no physics: a quadratic in the shipping year", 3, _quadratic, lambda c: 0.0),
    ]


def free_exponents(nodes: NodeTable) -> list[Baseline]:
    """Return the models in which one term of ours is left free, to see whether the data know it."""
    table = _of_table(nodes)
    return [
        Baseline(
            "exponent of V", 3, lambda c: [1.0, c.log_node, c.log_voltage], lambda c: _operations(c)
        ),
        Baseline(
            "effect of version rolling, beside the table",
            2,
            lambda c: [1.0, float(c.rolled)],
            lambda c: table(c) + math.log10(count_operations(WIDE)),
        ),
        Baseline(
            "effect of version rolling, beside our model",
            3,
            lambda c: [1.0, c.log_node, float(c.rolled)],
            lambda c: 2 * c.log_voltage + math.log10(count_operations(WIDE)),
        ),
    ]  # fmt: skip


def _quadratic(chip: ChipMean) -> list[float]:
    assert chip.year is not None
    since = chip.year - 2018
    return [1.0, since, since**2]


def score(baseline: Baseline, means: Sequence[ChipMean]) -> Score:
    """Return how a baseline predicts each chip from the others; chips without a year are left out of all years."""
    used = [chip for chip in means if chip.year is not None] if baseline.features is _quadratic else list(means)
    errors = []
    for left_out in used:
        fit = _least_squares(baseline, [chip for chip in used if chip is not left_out])
        predicted = float(np.dot(baseline.features(left_out), fit)) + baseline.known(left_out)
        errors.append(predicted - left_out.log_energy)
    whole = _least_squares(baseline, used)
    return Score(
        statistics.median(map(abs, errors)),
        math.sqrt(statistics.mean(error**2 for error in errors)),
        tuple(map(float, whole)),
        _standard_errors(baseline, used, whole),
    )


def _least_squares(baseline: Baseline, chips: Sequence[ChipMean]) -> np.ndarray:
    features = np.array([baseline.features(chip) for chip in chips])
    target = np.array([chip.log_energy - baseline.known(chip) for chip in chips])
    solution: np.ndarray = np.linalg.lstsq(features, target, rcond=None)[0]
    return solution


def _standard_errors(baseline: Baseline, chips: Sequence[ChipMean], fit: np.ndarray) -> tuple[float, ...]:
    features = np.array([baseline.features(chip) for chip in chips])
    target = np.array([chip.log_energy - baseline.known(chip) for chip in chips])
    residuals = target - features @ fit
    variance = float(residuals @ residuals) / (len(chips) - len(fit))
    return tuple(float(value) for value in np.sqrt(np.diag(variance * np.linalg.inv(features.T @ features))))


def scores(nodes: NodeTable, points: Sequence[ChipPoint]) -> Mapping[str, tuple[Baseline, Score]]:
    """Return every baseline with its score."""
    means = chip_means(points)
    return {baseline.name: (baseline, score(baseline, means)) for baseline in baselines(nodes)}
