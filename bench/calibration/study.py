"""Every number of the calibration report, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bench.calibration.baselines import Baseline, Score, scores
from hashjoule.data.chips import chip_voltages, chips, cmos_nodes
from hashjoule.efficiency import calibration as cal
from hashjoule.efficiency.model import (
    ChipPoint,
    EnergyModel,
    NodeTable,
    fit_model,
    fitted,
    points_with_voltage,
    points_without_voltage,
)
from hashjoule.statistics import Interval

BAR_WITH_VOLTAGE, BAR_WITHOUT = 0.15, 0.30
"""Median errors in decades that the model is held to."""
OLD_NM = 28
"""Chips of this node and above are those of 2013 to 2015."""


@dataclass(frozen=True)
class Study:
    """The model, its points, and how it predicts chips that it has not seen."""

    nodes: NodeTable
    known: list[ChipPoint]
    unknown: list[ChipPoint]
    model: EnergyModel
    left_out: list[cal.Prediction]
    interval: Interval
    without_maker: list[cal.Prediction]
    without_node: list[cal.Prediction]
    good: list[cal.Prediction]
    """Chips that are not of low quality, predicted by a fit to each other."""
    nested: list[cal.Prediction]
    chosen: dict[str, int]
    without_voltage: list[cal.Prediction]
    baselines: dict[str, tuple[Baseline, Score]]
    extrapolated: dict[str, list[cal.Prediction]]
    """Chips below `OLD_NM`, predicted by the candidate models fitted to the others alone."""


@cache
def study() -> Study:
    """Return the numbers of the report; takes some seconds, for the bootstrap."""
    nodes = NodeTable(cmos_nodes())
    known = points_with_voltage(chip_voltages())
    unknown = points_without_voltage(chips(), chip_voltages())
    old = [point for point in known if point.process_nm >= OLD_NM]
    later = [point for point in known if point.process_nm < OLD_NM]
    nested, chosen = cal.nested(known, cal.models(nodes), lambda point: point.chip)
    return Study(
        nodes=nodes,
        known=known,
        unknown=unknown,
        model=fit_model(known),
        left_out=cal.leave_one_chip_out(known, fitted),
        interval=cal.bootstrap_median_error(known, fitted),
        without_maker=cal.leave_out(known, fitted, lambda point: point.maker),
        without_node=cal.leave_out(known, fitted, lambda point: point.process_nm),
        good=cal.leave_one_chip_out([point for point in known if point.quality != "low"], fitted),
        nested=nested,
        chosen=chosen,
        without_voltage=cal.leave_one_chip_out(unknown, fitted),
        baselines=dict(scores(nodes, known)),
        extrapolated={name: cal.predict(later, fit(old)) for name, fit in cal.models(nodes).items()},
    )
