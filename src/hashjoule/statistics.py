"""Statistics of samples that come one after another: intervals, spread, outliers. Pure functions.

Neighbours on a shared machine and the clock's turbo slow several samples in a row, so samples are not independent: an
interval has to know by how much each is like the one before it. Three samples cannot tell; all rows of a run together
can. docs/design/measurement.md says how this was chosen, and how often the intervals hold.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

_Z = 1.96
"""The 97.5th percentile of the normal distribution."""
_LEVEL = 0.95

CORRELATIONS = tuple(i / 10 for i in range(10))
"""The correlations of neighbouring samples that are thought possible."""
_PRIOR = tuple((1 + 2 * r) / 19 for r in CORRELATIONS)
"""What is believed of them before any sample: anything, and rather more than less, since an interval that is too narrow
is the worse mistake."""


class Interval(NamedTuple):
    """The bounds of a 95 % interval."""

    low: float
    high: float


Weights = tuple[float, ...]
"""How likely each of CORRELATIONS is; they add up to 1."""


class _Fit(NamedTuple):
    """The samples under one correlation: a Student's t distribution of their centre, and the log of the likelihood."""

    centre: float
    scale: float
    log_likelihood: float


def correlation(series: Iterable[Sequence[float]]) -> Weights:
    """Return how likely each of CORRELATIONS is, from several series of samples above zero that share one noise.

    Each series has a level and a scatter of its own, of which nothing is assumed: both are integrated out of the
    likelihood of an autoregressive process of order 1 with Gaussian steps, on the logarithms of the samples.
    """
    total = [math.log(prior) for prior in _PRIOR]
    for samples in series:
        if len(samples) > 2 and min(samples) < max(samples):
            total = [sum_ + fit.log_likelihood for sum_, fit in zip(total, _fits(_logs(samples)), strict=True)]
    top = max(total)
    weights = [math.exp(value - top) for value in total]
    return tuple(weight / sum(weights) for weight in weights)


def median_interval(samples: Sequence[float], weights: Weights | None = None, spread: float = 0.0) -> Interval:
    """Return the 95 % interval of the median of samples above zero.

    With enough samples it lies between two of them, chosen by their rank (whatever their distribution); with fewer it
    is Student's t on their logarithms. Both are averaged over `weights`, which `correlation` finds from all series
    that share the noise of this one; without them, from this one alone. `spread` is a relative standard deviation that
    one run does not average away; it is added in quadrature.

    Raises:
        ValueError: for fewer than two samples, which show no scatter.
    """
    if len(samples) < 2:
        raise ValueError("two samples at least are needed for an interval")
    median = statistics.median(samples)
    if min(samples) == max(samples):
        low = high = median
    else:
        weights = weights or correlation([samples])
        low, high = _by_rank(sorted(samples), weights) or _by_student(_logs(samples), weights)
    low, high = min(low, median), max(high, median)
    return Interval(
        median * math.exp(-math.hypot(math.log(median / low), _Z * spread)),
        median * math.exp(math.hypot(math.log(high / median), _Z * spread)),
    )


def _logs(samples: Sequence[float]) -> list[float]:
    return [math.log(sample) for sample in samples]


def _fits(logs: Sequence[float]) -> list[_Fit]:
    """Return the fit for each of CORRELATIONS; the inverse of its matrix has three diagonals, so sums suffice."""
    n, mean = len(logs), statistics.fmean(logs)
    off = [value - mean for value in logs]
    squares, ends = math.fsum(d * d for d in off), off[0] + off[-1]
    end_squares, products = off[0] ** 2 + off[-1] ** 2, math.fsum(a * b for a, b in pairwise(off))
    fits = []
    for r in CORRELATIONS:
        weight = (2 + (n - 2) * (1 - r)) / (1 + r)
        centre = (ends - (1 - r) * ends) / (1 + r) / weight  # the samples add up to 0
        rest = (squares - 2 * r * products + r * r * (squares - end_squares)) / (1 - r * r) - weight * centre**2
        rest = max(rest, 1e-30)
        log_likelihood = -((n - 1) * math.log((1 - r * r) * rest) + math.log(weight)) / 2
        fits.append(_Fit(mean + centre, math.sqrt(rest / (n - 1) / weight), log_likelihood))
    return fits


def _by_student(logs: Sequence[float], weights: Weights) -> Interval:
    """Return the interval around the mean logarithm that holds 95 % of the mixture of t distributions."""
    fits, freedom = _fits(logs), len(logs) - 1
    centre = math.fsum(weight * fit.centre for weight, fit in zip(weights, fits, strict=True))
    known = [(weight, fit) for weight, fit in zip(weights, fits, strict=True) if weight > 1e-6]

    def mass(half: float) -> float:
        return math.fsum(
            weight
            * (
                student_cdf((centre + half - fit.centre) / fit.scale, freedom)
                - student_cdf((centre - half - fit.centre) / fit.scale, freedom)
            )
            for weight, fit in known
        )

    low, high = 0.0, max(fit.scale for _, fit in known)
    while mass(high) < _LEVEL:
        low, high = high, 2 * high
    while high - low > 1e-4 * high:
        half = (low + high) / 2
        low, high = (low, half) if mass(half) >= _LEVEL else (half, high)
    return Interval(math.exp(centre - high), math.exp(centre + high))


def _by_rank(ordered: Sequence[float], weights: Weights) -> Interval | None:
    """Return the interval from the k-th smallest to the k-th largest sample, None where even the outermost do not do.

    Between two ranks it interpolates as Hettmansperger and Sheather do (Statistics and Probability Letters 4, 1986).
    """
    n = len(ordered)
    low, high = 0, n // 2 + 1  # the largest k that still holds enough lies in [low, high)
    while high - low > 1:
        k = (low + high) // 2
        low, high = (k, high) if _held(n, k, weights) >= _LEVEL else (low, k)
    if low == 0:
        return None
    here, beyond = _held(n, low, weights), _held(n, low + 1, weights) if low < n // 2 else 0.0
    part = (here - _LEVEL) / (here - beyond)
    inward = (n - low) * part / (low + (n - 2 * low) * part)
    outer, inner = (ordered[low - 1], ordered[n - low]), (ordered[low], ordered[n - low - 1])
    return Interval(*(o + inward * (i - o) for o, i in zip(outer, inner, strict=True)))


def _held(n: int, k: int, weights: Weights) -> float:
    """Return how likely the median of all samples lies between the k-th smallest and the k-th largest of n."""
    deviations = (_rank_deviation(n, r) for r in CORRELATIONS)
    return math.fsum(
        w * math.erf((n / 2 - k + 0.5) / d / math.sqrt(2)) for w, d in zip(weights, deviations, strict=True)
    )


@cache
def _rank_deviation(n: int, r: float) -> float:
    """Return the standard deviation of how many of n samples lie below the median.

    Neighbours correlate by r; whether two samples with correlation c lie on the same side does by 2/pi asin(c).
    """
    terms = min(n - 1, 150)  # 0.9^150 is no more
    together = math.fsum((1 - k / n) * 2 / math.pi * math.asin(r**k) for k in range(1, terms + 1))
    return math.sqrt(n * (1 + 2 * together)) / 2


def student_cdf(x: float, freedom: int) -> float:
    """Return the distribution function of Student's t for a whole number of degrees of freedom.

    Source: Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    angle = math.atan(x / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = total = cosine if odd else 1.0
    for i in range(2 + odd, freedom - 1, 2):
        term *= (i - 1) / i * cosine * cosine
        total += term
    if freedom == 1:
        inside = 2 / math.pi * angle
    elif odd:
        inside = 2 / math.pi * (angle + sine * total)
    else:
        inside = sine * total
    return (1 + inside) / 2


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


def median_deviation(samples: Sequence[float]) -> float:
    """Return the median absolute deviation from the median."""
    median = statistics.median(samples)
    return statistics.median(abs(sample - median) for sample in samples)


def relative_spread(values: Sequence[float]) -> float:
    """Return the standard deviation over the median, from the median deviation: outliers do not count; 0 of nothing."""
    return 1.4826 * median_deviation(values) / statistics.median(values) if values else 0.0


def outliers(samples: Sequence[float]) -> int:
    """Return how many lie more than 1.5 interquartile ranges outside the quartiles (Tukey 1977)."""
    if len(samples) < 4:
        return 0
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    reach = 1.5 * (third - first)
    return sum(not first - reach <= sample <= third + reach for sample in samples)


def required_samples(samples: Sequence[float], margin: float = 0.01) -> int:
    """Return the number of independent samples after which the mean is known to that margin with 95 % certainty."""
    return math.ceil((_Z * statistics.stdev(samples) / (margin * statistics.fmean(samples))) ** 2)
