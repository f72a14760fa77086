"""The Accelerator Wall's split of progress into silicon and design, from the authors' own points."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from hashjoule.data.chips import Chip

PUBLISHED_CMOS, PUBLISHED_SPECIALISATION = 307.4, 1.7
"""Source: Fuchs and Wentzlaff, HPCA 2019, figure 15."""


@dataclass(frozen=True)
class WallSplit:
    """Gains of the last chip over the first: throughput per die area, and its two parts."""

    degree: int
    performance: float
    cmos: float
    specialisation: float


def accelerator_wall(rows: Iterable[Chip], degree: int = 3) -> WallSplit:
    """Return the split by trend lines of a degree.

    Throughput per area, modelled CMOS potential per area and their ratio (the chip specialisation return) are divided
    by the first 130 nm chip's, a polynomial in time is fitted to the logarithm of each, and its value at the last chip
    is the gain. The degree of their lines is not printed.
    """
    used = [row for row in rows if row.cmos_potential_per_mm2 is not None]
    days = np.array([date.fromisoformat(row.shipped or "").toordinal() for row in used], dtype=float)
    years = (days - days.min()) / 365.25
    throughput = np.array([(row.hashrate_ghs or math.nan) / (row.die_mm2 or math.nan) for row in used])
    potential = np.array([row.cmos_potential_per_mm2 or math.nan for row in used])
    first = int(days.argmin())

    def gain(values: np.ndarray) -> float:
        trend = np.polynomial.Polynomial.fit(years, np.log10(values / values[first]), degree)
        return float(10 ** trend(years.max()))

    return WallSplit(degree, gain(throughput), gain(potential), gain(throughput / potential))
