"""The tables of the calibration report."""

from __future__ import annotations

from collections.abc import Sequence

from bench.calibration.baselines import chip_means, free_exponents, score
from bench.calibration.study import Study
from bench.calibration.wall import PUBLISHED_CMOS, PUBLISHED_SPECIALISATION, accelerator_wall
from hashjoule.data.chips import chip_voltages, chips
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
    for baseline, theory in zip(free_exponents(found.nodes), ("2", "-0.07", "-0.07"), strict=True):
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
