"""The tables of the calibration report."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.calibration.baselines import chip_means, free_exponents, score
from bench.calibration.study import Study
from bench.calibration.wall import PUBLISHED_CMOS, PUBLISHED_SPECIALISATION, accelerator_wall
from hashjoule.data.chips import chip_voltages, chips
from hashjoule.data.hardware import PublishedMachine, machines
from hashjoule.data.names import stock_mode
from hashjoule.efficiency import calibration as cal
from hashjoule.efficiency.operations import AVX512, BIT_SELECT, SCALAR, SHIFT_ADD, VECTOR, WIDE, count_operations

DATASHEETS = ("BM1384", "BM1385", "BM1380")
"""Chips whose voltage curve is a maker's data sheet."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def predictions_table(predictions: Sequence[cal.Prediction]) -> str:
    """Return published against predicted energy, chip by chip."""
    return table(
        ("chip", "maker", "nm", "points", "published J/TH", "predicted J/TH", "error, decades", "boundary", "quality"),
        [
            (p.chip, p.maker, f"{p.process_nm:g}", str(p.points), f"{p.published_j_per_th:.4g}",
             f"{p.predicted_j_per_th:.4g}", f"{p.error_decades:+.2f}", p.boundary, p.quality)
            for p in predictions
        ],
    )  # fmt: skip


def validation_table(found: Study) -> str:
    """Return the headline error and what becomes of it when more than one chip is left out, or chips are dropped."""
    low, high = found.interval.low, found.interval.high
    rows = [
        ("one chip", found.left_out, f"{low:.3f} to {high:.3f} (bootstrap over chips)"),
        ("one maker", found.without_maker, ""),
        ("one node", found.without_node, ""),
        ("one chip, form of the model chosen anew", found.nested, ""),
        ("one chip, without those of low quality, refitted", found.good, ""),
    ]
    return table(
        ("left out", "chips", "median error, decades", "RMS error, decades", "95% interval of the median"),
        [
            (name, str(len(errors)), f"{cal.median_error(errors):.3f}", f"{cal.rms_error(errors):.3f}", interval)
            for name, errors, interval in rows
        ],
    )


def extrapolation_table(found: Study) -> str:
    """Return how models that were fitted to large nodes alone predict the later chips."""
    return table(
        ("fitted to chips of 28 nm and more", "median error on later ones, decades", "RMS error, decades"),
        [
            (name, f"{cal.median_error(later):.3f}", f"{cal.rms_error(later):.3f}")
            for name, later in found.extrapolated.items()
        ],
    )


def rms_of(found: Study, words: str) -> float:
    """Return the RMS error of the baseline whose name ends in these words."""
    return next(score.rms for name, (_, score) in found.baselines.items() if name.endswith(words))


def rolling_theory() -> float:
    """Return what version rolling changes by our count, in decades."""
    return math.log10(count_operations(WIDE, rolled=True) / count_operations(WIDE))


def metered_against_rated() -> list[tuple[PublishedMachine, float, PublishedMachine, float]]:
    """Return machines metered at the wall beside the rated stock mode of the model that their names begin with."""
    rated = [m for m in machines() if m.power_basis in ("rated", "listed") and m.j_per_th]
    found = []
    for machine in machines():
        if machine.power_basis != "measured" or machine.machine_class != "asic" or not machine.j_per_th:
            continue
        modes = [m for m in rated if m.model == machine.model or machine.model.startswith(f"{m.model} (")]
        if modes:
            stock = stock_mode(modes)
            found.append((machine, machine.j_per_th, stock, stock.j_per_th or 0.0))
    return found


def baselines_table(found: Study) -> str:
    """Return every baseline with its errors, leave-one-chip-out."""
    return table(
        ("model", "numbers fitted", "median error, decades", "RMS error, decades"),
        [
            (name, str(baseline.numbers), f"{score.median:.3f}", f"{score.rms:.3f}")
            for name, (baseline, score) in found.baselines.items()
        ],
    )


def free_table(found: Study) -> str:
    """Return the terms of the model left free, with standard errors."""
    means = chip_means(found.known)
    rows = []
    rolling = f"{rolling_theory():.2f}"
    for baseline, theory in zip(free_exponents(found.nodes), ("2", rolling, rolling), strict=True):
        own = score(baseline, means)
        rows.append((baseline.name, f"{own.coefficients[-1]:.2f} ± {own.errors[-1]:.2f}", theory,
                     f"{own.median:.3f}", f"{own.rms:.3f}"))  # fmt: skip
    return table(("left free", "fitted", "theory", "median error", "RMS error"), rows)


def exponents_table() -> str:
    """Return the exponents of the voltage curves, each alone and the data sheets together."""
    fits = [cal.voltage_exponent(chip, chip_voltages()) for chip in (*DATASHEETS, "CoinCraft A1")]
    fits.append(cal.pooled_exponent(DATASHEETS, chip_voltages()))
    rows = [(fit.chip, str(fit.points), f"{fit.value:.2f}", f"{fit.low:.2f} to {fit.high:.2f}") for fit in fits]
    return table(("chip", "points", "exponent", "95% interval"), rows)


def wall_table() -> str:
    """Return the Accelerator Wall's split against ours."""
    published = ("published (HPCA 2019)", "522.6", f"{PUBLISHED_CMOS}", f"{PUBLISHED_SPECIALISATION}")
    rows = [published]
    for degree in (1, 2, 3, 4):
        split = accelerator_wall(chips(), degree)
        rows.append((f"ours, trend of degree {degree}", f"{split.performance:.1f}", f"{split.cmos:.1f}",
                     f"{split.specialisation:.2f}"))  # fmt: skip
    return table(("trend lines", "throughput per area", "of it CMOS", "of it specialisation"), rows)


def operations_table() -> str:
    """Return the operations per hash by kind of machine."""
    rows = [
        (offered.name, f"{count_operations(offered):,}", f"{count_operations(offered, rolled=True):,}")
        for offered in (VECTOR, SHIFT_ADD, SCALAR, BIT_SELECT, AVX512, WIDE)
    ]
    return table(("instruction set", "plain", "rolled (AsicBoost)"), rows)
