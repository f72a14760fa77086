"""The efficiency frontier and how fast it falls: record-setting machines and halving times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import linear_regression, mean

from hashjoule.efficiency.table import TableRow
from hashjoule.errors import UsageError
from hashjoule.statistics import student_t

MIN_POINTS = 5
"""Fewer records than these give no interval worth stating."""


@dataclass(frozen=True, slots=True)
class HalvingFit:
    """J/TH = `j_per_th_at_start` x 2^(-(year - start) / halving_years), with a 95% interval of the halving time.

    `high_years` is infinite where the interval of the slope includes no decline at all.
    """

    points: int
    start: float
    end: float
    j_per_th_at_start: float
    halving_years: float
    low_years: float
    high_years: float

    def j_per_th(self, year: float) -> float:
        """Return the trend line at a decimal year."""
        return float(self.j_per_th_at_start * 2 ** (-(year - self.start) / self.halving_years))


def decimal_year(date: str) -> float:
    """Return a date (YYYY, YYYY-Qn, YYYY-MM or YYYY-MM-DD) as a year with decimals: the middle of what it spans.

    >>> decimal_year("2016")
    2016.5
    """
    year, *rest = date.split("-")
    if not rest:
        return int(year) + 0.5
    if rest[0].startswith("Q"):
        return int(year) + (int(rest[0][1]) - 0.5) / 4
    day = int(rest[1]) if len(rest) > 1 else 15.5
    return int(year) + (int(rest[0]) - 1 + (day - 0.5) / 31) / 12


def frontier(rows: Iterable[TableRow]) -> tuple[TableRow, ...]:
    """Return the machines that set a record when they first shipped, in order of time.

    Only published machines count that are dated, have a J/TH, ship and are not doubtful. Of one month only the best
    stays.
    """
    dated = [
        row
        for row in rows
        if row.origin == "published" and row.quality != "low" and not row.announced and row.shipped and row.j_per_th
    ]
    records: list[TableRow] = []
    for row in sorted(dated, key=lambda row: (decimal_year(row.shipped or ""), row.j_per_th)):
        if not records or (row.j_per_th or math.inf) < (records[-1].j_per_th or 0.0):
            records.append(row)
    return tuple(records)


def fit_halving(records: Sequence[TableRow]) -> HalvingFit:
    """Fit log2(J/TH) to the date by least squares, with an interval that holds for correlated errors.

    Neighbouring records have much in common, so the standard error is that of Newey and West (1987) with Student's t.
    With so few records it can come out too small, so it is never taken below that of ordinary least squares. The
    interval says how well a straight line describes these records, not how surely it goes on.

    Raises:
        UsageError: For fewer than five points, or if they do not fall.
    """
    if len(records) < MIN_POINTS:
        raise UsageError(f"a halving time needs {MIN_POINTS} record-setting machines, but there are {len(records)}")
    years = [decimal_year(row.shipped or "") for row in records]
    logs = [math.log2(row.j_per_th or math.nan) for row in records]
    slope, intercept = linear_regression(years, logs)
    if slope >= 0:
        raise UsageError("these machines do not become more efficient, so that there is no halving time")
    residuals = [y - intercept - slope * x for x, y in zip(years, logs, strict=True)]
    error = max(plain_slope_error(years, residuals), robust_slope_error(years, residuals))
    margin = student_t(0.975, len(years) - 2) * error
    return HalvingFit(
        points=len(years),
        start=years[0],
        end=years[-1],
        j_per_th_at_start=2 ** (intercept + slope * years[0]),
        halving_years=-1 / slope,
        low_years=1 / (margin - slope),
        high_years=-1 / (slope + margin) if slope + margin < 0 else math.inf,
    )


def plain_slope_error(x: Sequence[float], residuals: Sequence[float]) -> float:
    """Return the standard error of a slope whose residuals are independent and of equal size."""
    spread = sum((value - mean(x)) ** 2 for value in x)
    return math.sqrt(sum(r * r for r in residuals) / (len(x) - 2) / spread)


def robust_slope_error(x: Sequence[float], residuals: Sequence[float]) -> float:
    """Return the standard error of a slope whose residuals may be correlated and of unequal size.

    Source: Newey and West, Econometrica 55 (1987), with the usual lag of 4 (n / 100)^(2/9) and the small-sample
    factor n / (n - 2).
    """
    n = len(x)
    centred = [value - mean(x) for value in x]
    scores = [c * r for c, r in zip(centred, residuals, strict=True)]
    lags = max(1, math.floor(4 * (n / 100) ** (2 / 9)))
    variance = sum(score * score for score in scores)
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * sum(a * b for a, b in zip(scores, scores[lag:], strict=False))
    spread = sum(c * c for c in centred)
    return math.sqrt(max(variance, 0.0) * n / (n - 2)) / spread
