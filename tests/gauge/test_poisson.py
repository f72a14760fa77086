"""Intervals and tests of Poisson counts, against published tables and against what defines them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.gauge.poisson import (
    WeightedSum,
    chi_square_tail,
    constant_rate,
    gamma_quantile,
    gamma_tail,
    interval,
    relative_half_width,
    shares_for,
    silence,
)


def equal(shares: int, weight: float = 1.0) -> WeightedSum:
    """So many shares of one weight."""
    return WeightedSum(shares, shares * weight, shares * weight**2, weight)


def poisson_cdf(mean: float, most: int) -> float:
    """The probability of at most so many events, by adding up terms."""
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(most + 1))


@pytest.mark.parametrize(
    ("shares", "low", "high"),
    [
        (0, 0.0, 3.689),
        (1, 0.0253, 5.572),
        (2, 0.2422, 7.225),
        (5, 1.623, 11.668),
        (10, 4.795, 18.390),
        (50, 37.11, 65.92),
    ],
)
def test_the_interval_is_garwood_s(shares: int, low: float, high: float) -> None:
    """Limits as tables of the exact Poisson interval print them (Garwood 1936; Pearson and Hartley, table 40)."""
    found = interval(equal(shares) if shares else WeightedSum(largest=1.0))
    assert found.low == pytest.approx(low, rel=1e-3, abs=1e-12)
    assert found.high == pytest.approx(high, rel=1e-3)


@given(st.integers(1, 2000))
def test_limits_are_where_the_tails_are_2_5_percent(shares: int) -> None:
    """What defines the interval: at its low end so many shares or more, at its high end so few, have 2.5 %."""
    found = interval(equal(shares))
    assert 1 - poisson_cdf(found.low, shares - 1) == pytest.approx(0.025, abs=1e-9)
    assert poisson_cdf(found.high, shares) == pytest.approx(0.025, abs=1e-9)


@given(st.integers(1, 500), st.floats(1e-9, 1e18))
def test_the_unit_of_the_weights_does_not_matter(shares: int, weight: float) -> None:
    """An interval in hashes is that in shares times the weight."""
    in_shares, in_hashes = interval(equal(shares)), interval(equal(shares, weight))
    assert in_hashes.low == pytest.approx(in_shares.low * weight)
    assert in_hashes.high == pytest.approx(in_shares.high * weight)
    assert equal(shares).scaled(weight) == pytest.approx(equal(shares, weight))


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0.1, 10)), min_size=1, max_size=5))
def test_unequal_weights_widen_the_interval(groups: list[tuple[int, float]]) -> None:
    """It contains the estimate, and is no narrower than that of as many shares of equal weight."""
    seen = WeightedSum()
    for shares, weight in groups:
        seen = seen.plus(equal(shares, weight))
    found = interval(seen)
    assert found.low <= seen.total <= found.high
    even = interval(equal(seen.shares, seen.total / seen.shares))
    assert found.high - found.low >= (even.high - even.low) * (1 - 1e-9)


def test_no_share_gives_an_upper_bound() -> None:
    """Three shares' worth, by the largest weight that a share could have had."""
    assert interval(WeightedSum(largest=2.0)).high == pytest.approx(2 * 3.689, rel=1e-3)
    assert interval(WeightedSum()) == (0.0, math.inf)
    assert relative_half_width(WeightedSum(largest=1.0)) == math.inf


@pytest.mark.parametrize(("precision", "shares"), [(0.02, 9654), (0.1, 395), (0.5, 18)])
def test_shares_for_a_precision(precision: float, shares: int) -> None:
    """A few more than (1.96 / precision)^2, and one less does not do."""
    assert shares_for(precision) == shares
    assert relative_half_width(equal(shares)) <= precision < relative_half_width(equal(shares - 1))


@pytest.mark.parametrize(
    ("statistic", "freedom", "p"),
    [(16.919, 9, 0.05), (21.666, 9, 0.01), (27.877, 9, 0.001), (5.991, 2, 0.05), (2.706, 1, 0.1), (0.0, 9, 1.0)],
)
def test_chi_square_table(statistic: float, freedom: int, p: float) -> None:
    """Critical values as every table prints them."""
    assert chi_square_tail(statistic, freedom) == pytest.approx(p, rel=1e-3)


@given(st.floats(0.1, 1e6), st.sampled_from([0.025, 0.975]))
def test_the_quantile_inverts_the_tail(shape: float, probability: float) -> None:
    """Over all shapes that counts lead to."""
    assert 1 - gamma_tail(shape, gamma_quantile(probability, shape)) == pytest.approx(probability, abs=1e-7)


def test_a_constant_rate_passes_and_a_drop_does_not() -> None:
    """Sixty shares a part are even; with one part of ten they are not; with ten in all nothing can be said."""
    assert (constant_rate([equal(60)] * 10, [60.0] * 10) or 0) > 0.999
    assert (constant_rate([equal(60)] * 9 + [equal(10)], [60.0] * 10) or 1) < 1e-4
    assert constant_rate([equal(1)] * 10, [60.0] * 10) is None


def test_parts_of_another_difficulty_or_length_are_as_even() -> None:
    """Half as many shares of twice the weight, or in half the time, are the same rate."""
    heavy, short = equal(30, 2.0), equal(30)
    assert (constant_rate([equal(60), heavy, short], [60.0, 60.0, 30.0]) or 0) > 0.999


def test_a_part_without_shares_counts_against_a_constant_rate() -> None:
    """A pause of a tenth of the run."""
    assert (constant_rate([equal(60)] * 9 + [WeightedSum()], [60.0] * 10) or 1) < 1e-8


def test_silences() -> None:
    """With a share a second, ten quiet seconds are rare, thirty do not happen, and one is nothing."""
    assert silence(1.0, 600, 600.0) == pytest.approx(1.0)
    assert 0.01 < silence(10.0, 600, 600.0) < 0.05
    assert silence(30.0, 600, 600.0) < 1e-9
    assert silence(600.0, 0, 600.0) == 1.0
