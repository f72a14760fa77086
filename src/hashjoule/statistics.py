"""Statistics of samples that come one after another: intervals, spread, outliers. Pure functions.

Neighbours on a shared machine and the clock's turbo slow several samples in a row, so samples are not independent;
intervals come from resampling runs of consecutive samples, not single ones.
"""

from __future__ import annotations

import math
import random
import statistics
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

RESAMPLES = 1000
_Z = 1.96
"""The 97.5th percentile of the normal distribution."""
_MOST_BLOCKS = 200
"""Enough for two digits of an interval; more would make the resampling of long runs slow."""


class Interval(NamedTuple):
    """The bounds of a 95 % interval."""

    low: float
    high: float


def median_interval(samples: Sequence[float], spread: float = 0.0) -> Interval:
    """The 95 % interval of the median by the circular block bootstrap (Politis and Romano 1992); samples above zero.

    Blocks of about the square root of the number of samples keep what neighbours have in common. Resampling few
    blocks shows too little, so the bounds are moved out as far as Student's t is wider than the normal distribution,
    but not past all samples. `spread` is a relative standard deviation that one run does not average away; it is
    added in quadrature. The resampling is seeded: the same samples give the same interval.
    """
    length = max(math.isqrt(len(samples)), math.ceil(len(samples) / _MOST_BLOCKS))
    blocks = math.ceil(len(samples) / length)
    rng = random.Random(len(samples))
    draws = [rng.choices(range(len(samples)), k=blocks) for _ in range(RESAMPLES)]
    median = statistics.median(samples)
    wider = student_t(0.975, max(1, blocks - 1)) / _Z
    low = max(min(samples), median * min(1.0, _low_bound(samples, length, draws) / median) ** wider)
    high = min(max(samples), median * max(1.0, _high_bound(samples, length, draws) / median) ** wider)
    return Interval(
        median * math.exp(-math.hypot(math.log(median / low), _Z * spread)),
        median * math.exp(math.hypot(math.log(high / median), _Z * spread)),
    )


def student_t(probability: float, freedom: int) -> float:
    """Return a quantile of Student's t distribution: exact for 1 and 2 degrees of freedom, else within 0.2 %.

    Source: Abramowitz and Stegun, 26.7.5, from 3 degrees of freedom up.
    """
    if freedom == 1:
        return math.tan(math.pi * (probability - 0.5))
    if freedom == 2:
        return (2 * probability - 1) / math.sqrt(2 * probability * (1 - probability))
    z = statistics.NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / freedom**power for power, term in enumerate(terms))


def _low_bound(samples: Sequence[float], length: int, draws: Sequence[Sequence[int]]) -> float:
    """The 2.5th percentile of the resampled medians: the first sample that 2.5 % of them do not exceed.

    A resampled median is at most x if half of its samples are. So only counts of samples up to x are needed, block by
    block, and a bisection over x; no resample is ever built or sorted.
    """
    total = length * len(draws[0])
    ordered = sorted(samples)

    def part_at_most(x: float) -> float:
        below = [0, *accumulate(sample <= x for sample in (*samples, *samples[:length]))]
        counts = [below[start + length] - below[start] for start in range(len(samples))]
        return sum(2 * sum(counts[start] for start in draw) >= total for draw in draws) / len(draws)

    return ordered[bisect_left(ordered, 0.025, key=part_at_most)]


def _high_bound(samples: Sequence[float], length: int, draws: Sequence[Sequence[int]]) -> float:
    return -_low_bound([-sample for sample in samples], length, draws)


def median_deviation(samples: Sequence[float]) -> float:
    """The median absolute deviation from the median."""
    median = statistics.median(samples)
    return statistics.median(abs(sample - median) for sample in samples)


def relative_spread(values: Sequence[float]) -> float:
    """The standard deviation over the median, from the median deviation: outliers do not count; 0 without values."""
    return 1.4826 * median_deviation(values) / statistics.median(values) if values else 0.0


def outliers(samples: Sequence[float]) -> int:
    """How many lie more than 1.5 interquartile ranges outside the quartiles (Tukey 1977)."""
    if len(samples) < 4:
        return 0
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    reach = 1.5 * (third - first)
    return sum(not first - reach <= sample <= third + reach for sample in samples)


def required_samples(samples: Sequence[float], margin: float = 0.01) -> int:
    """Independent samples after which the mean is known to that margin with 95 % certainty."""
    return math.ceil((_Z * statistics.stdev(samples) / (margin * statistics.fmean(samples))) ** 2)
