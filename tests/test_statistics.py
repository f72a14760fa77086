"""Statistics: the median's interval and how often it holds the truth, spread, outliers, Student's t."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.statistics import (
    CORRELATIONS,
    correlation,
    median_deviation,
    median_interval,
    outliers,
    relative_spread,
    required_samples,
    student_cdf,
    student_t,
)

RATES = st.lists(st.floats(1e3, 1e12), min_size=2, max_size=30)


@given(RATES)
def test_the_interval_holds_the_median(samples: list[float]) -> None:
    """The interval does not depend on chance or on the unit; equal samples give a single point."""
    interval = median_interval(samples)
    assert interval.low <= statistics.median(samples) <= interval.high
    assert median_interval(samples) == interval
    assert tuple(median_interval([1e3 * s for s in samples])) == pytest.approx([1e3 * b for b in interval], rel=1e-3)
    assert median_interval(samples[:1] * 5) == pytest.approx((samples[0], samples[0]))


def test_one_sample_has_no_interval() -> None:
    """One sample says nothing about scatter."""
    with pytest.raises(ValueError, match="two samples"):
        median_interval([5.0])


Series = Callable[[random.Random, int], list[float]]
TRUTH = 100.0


def autoregressive(r: float) -> Series:
    """Return samples with a median of TRUTH and a scatter of 3%, whose neighbours have a correlation of r."""

    def make(rng: random.Random, n: int) -> list[float]:
        state, found = rng.gauss(0, 1), []
        for _ in range(n):
            found.append(TRUTH * math.exp(0.03 * state))
            state = r * state + math.sqrt(1 - r * r) * rng.gauss(0, 1)
        return found

    return make


def skewed(rng: random.Random, n: int) -> list[float]:
    """Return samples slowed by exponential delays, as interruptions do; half of them are above TRUTH."""
    return [TRUTH * (1 + 0.05 * math.log(2)) / (1 + 0.05 * rng.expovariate(1)) for _ in range(n)]


NOISES = {
    "independent": autoregressive(0.0),
    "skewed": skewed,
    "r=0.3": autoregressive(0.3),
    "r=0.7": autoregressive(0.7),
}
ROWS = 19
"""Rows of a usual run: nine backends in two modes, and one on all cores."""


def coverage(make: Series, n: int, rows: int, intervals: int) -> float:
    """Return how often the interval of a row holds the truth, in runs of `rows` rows that share their noise."""
    rng, held = random.Random(n), 0
    for _ in range(intervals // rows):
        run = [make(rng, n) for _ in range(rows)]
        weights = correlation(run)
        for samples in run:
            low, high = median_interval(samples, weights)
            held += low <= TRUTH <= high
    return held / (intervals // rows * rows)


@pytest.mark.parametrize("n", [3, 5, 8, 13, 27, 66])
@pytest.mark.parametrize("noise", NOISES)
def test_intervals_hold_the_truth_as_often_as_they_say(noise: str, n: int) -> None:
    """93 to 97% of the intervals hold the truth, for independent, skewed and correlated samples.

    Three or five samples do not reveal a correlation of 0.7, even in 19 rows together. Intervals that are wide enough
    for that correlation hold the truth in a little more than 97% of the cases without it.
    """
    most = {3: 0.99, 5: 0.98}.get(n, 0.97)
    assert 0.93 <= coverage(NOISES[noise], n, ROWS, 1900) <= most


@pytest.mark.parametrize("n", [3, 8, 13, 27])
@pytest.mark.parametrize("noise", ["skewed", "r=0.7"])
def test_intervals_of_a_lone_row_are_wide_rather_than_wrong(noise: str, n: int) -> None:
    """A single row cannot show the correlation of its neighbours, so its interval is wide until it has many samples."""
    assert coverage(NOISES[noise], n, 1, 1500) >= 0.925


def test_correlations_are_found() -> None:
    """Many rows together show a correlation that one row cannot; equal samples and pairs show none."""
    rng = random.Random(4)

    def found(r: float, n: int, rows: int) -> float:
        weights = correlation(autoregressive(r)(rng, n) for _ in range(rows))
        assert sum(weights) == pytest.approx(1)
        return sum(weight * r for weight, r in zip(weights, CORRELATIONS, strict=True))

    assert found(0.0, 13, 19) < 0.1
    assert found(0.7, 13, 19) == pytest.approx(0.7, abs=0.1)
    assert correlation([]) == correlation([[1.0, 1.0, 1.0], [1.0, 2.0]])


def test_a_known_spread_is_added_in_quadrature() -> None:
    """A clock error of 1% is the whole interval where samples agree, and hardly widens a scatter of 10%."""
    steady = median_interval([100.0] * 20, spread=0.01)
    assert tuple(steady) == pytest.approx((100 * math.exp(-0.0196), 100 * math.exp(0.0196)))
    rng = random.Random(3)
    loose = [rng.gauss(100, 10) for _ in range(20)]
    assert tuple(median_interval(loose, spread=0.01)) == pytest.approx(tuple(median_interval(loose)), rel=0.01)
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


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (7, 2.36462), (20, 2.08596), (65, 1.99714)],
)
def test_student_t_against_tables(freedom: int, quantile: float) -> None:
    """The quantiles equal the printed tables to 0.2 %, the distribution function to their last digit."""
    assert student_t(0.975, freedom) == pytest.approx(quantile, rel=2e-3)
    assert student_t(0.025, freedom) == pytest.approx(-quantile, rel=2e-3)
    assert student_cdf(quantile, freedom) == pytest.approx(0.975, abs=2e-6)
    assert student_cdf(-quantile, freedom) == pytest.approx(0.025, abs=2e-6)
