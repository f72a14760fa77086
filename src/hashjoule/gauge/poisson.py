"""Intervals and tests for counts of rare events: a hash is a share with a tiny, known probability. Pure functions.

A share of a job stands for as many hashes as it takes on average to find one: its *weight*. A weighted sum of shares
is then an unbiased estimate of the hashes, whatever decided about the difficulty of each job before it was searched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from hashjoule.statistics import Interval

_TAIL = 0.025
"""What a 95 % interval leaves out on each side."""

_PRECISION = 1e-15
_MAX_STEPS = 1_000_000


class WeightedSum(NamedTuple):
    """What an interval needs to know of shares: their number, weights, squares of weights, and the largest weight."""

    shares: int = 0
    total: float = 0.0
    squares: float = 0.0
    largest: float = 0.0

    def plus(self, other: WeightedSum) -> WeightedSum:
        """Return the sum over the shares of both."""
        return WeightedSum(
            self.shares + other.shares,
            self.total + other.total,
            self.squares + other.squares,
            max(self.largest, other.largest),
        )

    def scaled(self, factor: float) -> WeightedSum:
        """Return the same shares with each weight multiplied by a factor."""
        return WeightedSum(self.shares, self.total * factor, self.squares * factor**2, self.largest * factor)


def interval(seen: WeightedSum) -> Interval:
    """Return the 95 % interval of what a weighted sum of Poisson counts estimates, in the unit of the weights.

    With equal weights it is the exact interval of Garwood. With unequal ones it is its extension to weighted sums,
    which is never narrower than it should be. `largest` is the largest weight that a share could have had.

    Source: Garwood, Biometrika 28 (1936); Fay and Feuer, Statistics in Medicine 16 (1997).
    """
    low = 0.0
    if seen.shares:
        scale = seen.squares / seen.total
        low = scale * gamma_quantile(_TAIL, seen.total / scale)
    widest = seen.total + seen.largest
    if not widest:
        return Interval(0.0, math.inf)
    scale = (seen.squares + seen.largest**2) / widest
    return Interval(low, scale * gamma_quantile(1 - _TAIL, widest / scale))


def relative_half_width(seen: WeightedSum) -> float:
    """Return half of the interval's width over the estimate; infinite without shares."""
    if not seen.shares:
        return math.inf
    low, high = interval(seen)
    return (high - low) / (2 * seen.total)


def shares_for(precision: float) -> int:
    """Return how many shares of equal weight make the relative half-width at most this (0.02 for 2 %)."""
    low, high = 1, 4 + math.ceil(2 * (1.96 / precision) ** 2)
    while low < high:
        middle = (low + high) // 2
        if relative_half_width(WeightedSum(middle, middle, middle, 1.0)) <= precision:
            high = middle
        else:
            low = middle + 1
    return low


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Return the probability that a chi-square variable of so many degrees of freedom exceeds the statistic."""
    return gamma_tail(freedom / 2, statistic / 2)


def constant_rate(parts: Sequence[WeightedSum], seconds: Sequence[float]) -> float | None:
    """Return the p-value of the parts' counts if the rate was the same in all parts; None with too few shares.

    Pearson's chi-square test, with the rate estimated from all parts. Weights may differ between parts: the
    variance of a part's sum is its expectation times the weight of its shares.

    Source: Cochran, Annals of Mathematical Statistics 23 (1952), for five expected counts in each part.
    """
    whole = WeightedSum()
    for part in parts:
        whole = whole.plus(part)
    if whole.shares < 5 * len(parts):
        return None
    rate = whole.total / sum(seconds)
    statistic = 0.0
    for part, duration in zip(parts, seconds, strict=True):
        weight = (part.squares / part.total) if part.shares else whole.squares / whole.total
        statistic += (part.total - rate * duration) ** 2 / (rate * duration * weight)
    return chi_square_tail(statistic, len(parts) - 1)


def silence(longest_s: float, shares: int, seconds: float) -> float:
    """Return the probability that chance alone makes a gap this long between so many shares in so many seconds."""
    if not shares:
        return 1.0
    return -math.expm1((shares + 1) * math.log1p(-math.exp(-longest_s * shares / seconds))) if longest_s > 0 else 1.0


def gamma_tail(shape: float, x: float) -> float:
    """Return the probability that a gamma variable of this shape and scale 1 exceeds x.

    Source: Numerical Recipes, 6.2: the series below the mean, Lentz's continued fraction above it.
    """
    if x <= 0:
        return 1.0
    factor = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    return 1 - factor * _series(shape, x) if x < shape + 1 else factor * _fraction(shape, x)


def _series(shape: float, x: float) -> float:
    term = total = 1 / shape
    for step in range(1, _MAX_STEPS):
        term *= x / (shape + step)
        total += term
        if term < total * _PRECISION:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    value = d
    for step in range(1, _MAX_STEPS):
        a = -step * (step - shape)
        b += 2
        d = 1 / ((a * d + b) or tiny)
        c = (b + a / c) or tiny
        value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


@lru_cache(maxsize=4096)
def gamma_quantile(probability: float, shape: float) -> float:
    """Return the x below which a gamma variable of this shape and scale 1 lies with this probability.

    Newton's iteration from the Wilson-Hilferty approximation, kept between bounds that close in.
    """
    z = _NORMAL_QUANTILE if probability > 0.5 else -_NORMAL_QUANTILE
    x = shape * max(1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape)), 1e-3) ** 3
    low, high = 0.0, math.inf
    for _ in range(200):
        error = (1 - gamma_tail(shape, x)) - probability
        low, high = (x, high) if error < 0 else (low, x)
        density = math.exp((shape - 1) * math.log(x) - x - math.lgamma(shape))
        better = x - error / density if density else math.inf
        if not low < better < high:
            better = (low + high) / 2 if high < math.inf else 2 * x
        if abs(better - x) <= 1e-12 * x:
            return better
        x = better
    return x


_NORMAL_QUANTILE = 1.959963984540054
