"""Statistics: intervals that keep what neighbouring samples have in common, spread, outliers."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.statistics import (
    median_deviation,
    median_interval,
    outliers,
    relative_spread,
    required_samples,
    student_t,
)

RATES = st.lists(st.floats(1e3, 1e12), min_size=1, max_size=30)


@given(RATES)
def test_the_interval_holds_the_median(samples: list[float]) -> None:
    """It lies within the samples, is the same each time, and is a point where all samples are equal."""
    interval = median_interval(samples)
    assert interval.low <= statistics.median(samples) <= interval.high
    assert min(samples) <= interval.low * (1 + 1e-12)
    assert interval.high <= max(samples) * (1 + 1e-12)
    assert median_interval(samples) == interval
    assert median_interval(samples[:1] * 5) == pytest.approx((samples[0], samples[0]))


def resampled_medians(samples: list[float], length: int, count: int) -> list[float]:
    """The block bootstrap done the long way, with resamples that are built and sorted."""
    rng = random.Random(7)
    blocks = -(-len(samples) // length)
    ring = samples + samples[:length]
    draws = [[rng.randrange(len(samples)) for _ in range(blocks)] for _ in range(count)]
    return sorted(statistics.median([x for start in draw for x in ring[start : start + length]]) for draw in draws)


def test_the_interval_is_the_bootstrap_s() -> None:
    """Counting gives the percentiles that sorting every resample gives, but for Student's widening."""
    rng = random.Random(1)
    samples = [rng.gauss(100, 5) for _ in range(400)]
    medians = resampled_medians(samples, 20, 2000)
    low, high = median_interval(samples)
    assert low == pytest.approx(medians[50], rel=0.005)
    assert high == pytest.approx(medians[1949], rel=0.005)


def coverage(samples_of: int, block: int) -> float:
    """How often the interval holds the true median of noise that stays the same for `block` samples."""
    rng = random.Random(2)
    held = 0
    for _ in range(100):
        levels = [rng.gauss(100, 3) for _ in range(samples_of // block + 1)]
        interval = median_interval([levels[i // block] + rng.gauss(0, 0.1) for i in range(samples_of)])
        held += interval.low <= 100 <= interval.high
    return held / 100


def test_neighbours_that_are_alike_widen_the_interval() -> None:
    """Nine in ten intervals hold the truth, whether noise comes sample by sample or in stretches."""
    assert coverage(100, 1) > 0.9
    assert coverage(100, 10) > 0.85


def test_a_known_spread_is_added_in_quadrature() -> None:
    """The clock's 1 % is all there is where samples agree, and little beside a scatter of 10 %."""
    steady = median_interval([100.0] * 20, 0.01)
    assert tuple(steady) == pytest.approx((100 * math.exp(-0.0196), 100 * math.exp(0.0196)))
    rng = random.Random(3)
    loose = [rng.gauss(100, 10) for _ in range(20)]
    assert tuple(median_interval(loose, 0.01)) == pytest.approx(tuple(median_interval(loose)), rel=0.01)
    assert relative_spread([]) == 0
    assert relative_spread([99.0, 100.0, 101.0, 500.0]) == pytest.approx(0.014826 * 100 / 100.5)


def test_outliers_and_required_samples() -> None:
    """Tukey's fences; the sample size formula on a known spread: (1.96 s / 1 % of the mean) squared."""
    assert outliers([10, 11, 10, 12, 11, 10, 50]) == 1
    assert outliers([1, 100, 1000]) == 0
    assert required_samples([98.0, 102.0, 98.0, 102.0, 100.0]) == 16
    assert required_samples([5.0, 5.0]) == 0


def test_the_median_deviation() -> None:
    """The median distance from the median."""
    assert median_deviation([1.0, 2.0, 3.0, 100.0, 2.0]) == 1.0


@pytest.mark.parametrize(("freedom", "quantile"), [(3, 3.1824), (4, 2.7764), (7, 2.3646), (20, 2.0860), (1000, 1.9623)])
def test_student_t_against_tables(freedom: int, quantile: float) -> None:
    """The quantiles equal the printed tables to 0.2 %."""
    assert student_t(0.975, freedom) == pytest.approx(quantile, rel=2e-3)
    assert student_t(0.025, freedom) == pytest.approx(-quantile, rel=2e-3)
