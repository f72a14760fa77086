"""Shares counted over time, in constant memory, and what they say: rate, interval, rates of ten parts, pauses."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from hashjoule.gauge.poisson import WeightedSum, constant_rate, interval, silence
from hashjoule.statistics import Interval

PARTS = 10
"""How many parts of equal length a run is cut into."""

_MAX_SLOTS = 1280
_FIRST_SLOT_S = 0.125


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a run, and the shares of it."""

    seconds: float
    shares: WeightedSum

    @property
    def hashrate_hs(self) -> float:
        """The rate that its shares stand for."""
        return self.shares.total / self.seconds if self.seconds else 0.0


class Slots:
    """Sums of shares in slots of equal length; the slots become twice as long whenever there are too many."""

    def __init__(self) -> None:
        self._slot_s = _FIRST_SLOT_S
        self._shares, self._totals, self._squares = array("d"), array("d"), array("d")

    def add(self, at_s: float, hashes: float) -> None:
        """Add a share that arrived so long after the beginning."""
        while at_s >= self._slot_s * _MAX_SLOTS:
            self._shares, self._totals, self._squares = map(_halved, (self._shares, self._totals, self._squares))
            self._slot_s *= 2
        slot = int(at_s / self._slot_s)
        for _ in range(len(self._shares), slot + 1):
            self._shares.append(0.0)
            self._totals.append(0.0)
            self._squares.append(0.0)
        self._shares[slot] += 1
        self._totals[slot] += hashes
        self._squares[slot] += hashes**2

    def parts(self, number: int, seconds: float) -> list[Part]:
        """Return so many parts of about equal length, cut where slots end; together they last `seconds`.

        Fewer parts come back from a run that is shorter than that many slots.
        """
        slots = max(1, int(seconds / self._slot_s))
        number = min(number, slots)
        cuts = [slots * part // number for part in range(number)]
        ends = [*cuts[1:], len(self._shares)]
        edges_s = [*(cut * self._slot_s for cut in cuts), seconds]
        return [
            Part(edges_s[part + 1] - edges_s[part], self._sum(start, max(start, end)))
            for part, (start, end) in enumerate(zip(cuts, ends, strict=True))
        ]

    def _sum(self, start: int, end: int) -> WeightedSum:
        counts, totals, squares = (sums[start:end] for sums in (self._shares, self._totals, self._squares))
        return WeightedSum(round(sum(counts)), sum(totals), sum(squares))


def _halved(values: array[float]) -> array[float]:
    """Return the sums of neighbours."""
    padded = values + array("d", [0.0] * (len(values) % 2))
    return array("d", (one + other for one, other in zip(padded[::2], padded[1::2], strict=True)))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the shares of a stretch of time say. Rates are in hashes per second."""

    seconds: float
    shares: WeightedSum
    hashrate_hs: float
    interval_hs: Interval
    """The 95 % interval of the rate."""
    parts: tuple[Part, ...]
    constant_p: float | None
    """How likely parts as unequal as these are at a constant rate; None with too few shares to tell."""
    longest_silence_s: float
    silence_p: float
    """How likely a silence as long as the longest is at a constant rate."""


@dataclass
class Tally:
    """The shares that arrive from some moment on. Times are of a monotonic clock, in seconds."""

    began_s: float
    shares: int = 0
    hashes: float = 0.0
    _squares: float = 0.0
    _largest: float = 0.0
    _last_s: float = 0.0
    _longest_silence_s: float = 0.0
    _slots: Slots = field(default_factory=Slots)

    def __post_init__(self) -> None:
        self._last_s = self.began_s

    def expect(self, hashes: float) -> None:
        """Note that shares of this weight may come from now on."""
        self._largest = max(self._largest, hashes)

    def add(self, at_s: float, hashes: float) -> None:
        """Count a share that stands for so many hashes."""
        self.expect(hashes)
        self.shares += 1
        self.hashes += hashes
        self._squares += hashes**2
        self._longest_silence_s = max(self._longest_silence_s, at_s - self._last_s)
        self._last_s = at_s
        self._slots.add(max(0.0, at_s - self.began_s), hashes)

    def sum(self) -> WeightedSum:
        """Return the sum of the shares so far, in hashes."""
        return WeightedSum(self.shares, self.hashes, self._squares, self._largest)

    def parts(self, number: int, now_s: float) -> list[Part]:
        """Return the parts of the time until now (see `Slots.parts`)."""
        return self._slots.parts(number, now_s - self.began_s)

    def estimate(self, now_s: float) -> Estimate:
        """Return what the shares say if the count ends now. At least a moment must have passed."""
        seconds = now_s - self.began_s
        seen = self.sum()
        parts = self.parts(PARTS, now_s)
        longest_s = max(self._longest_silence_s, now_s - self._last_s)
        return Estimate(
            seconds=seconds,
            shares=seen,
            hashrate_hs=seen.total / seconds,
            interval_hs=interval(seen.scaled(1 / seconds)),
            parts=tuple(parts),
            constant_p=constant_rate([part.shares for part in parts], [part.seconds for part in parts]),
            longest_silence_s=longest_s,
            silence_p=silence(longest_s, seen.shares, seconds),
        )
