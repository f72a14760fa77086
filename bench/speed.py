"""Compare cycles per hash of this run with a record: the arithmetic of `make speed`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import UNSET

from hashjoule.records.schema import Record
from hashjoule.statistics import median_interval

TOLERANCE = 1.05
"""A row may need this many times the recorded cycles per hash, or more where the intervals overlap."""


class Cycles(NamedTuple):
    """Cycles per hash: the median and its 95 % interval."""

    median: float
    low: float
    high: float


class SpeedRow(NamedTuple):
    """A backend in one mode, now and in a record."""

    backend: str
    mode: str
    cycles: Cycles
    recorded: Cycles | None

    @classmethod
    def of(cls, backend: str, mode: str, samples: Sequence[float], record: Record | None) -> SpeedRow:
        """Return the row of these samples, beside what the record says of the same backend and mode."""
        cycles = Cycles(statistics.median(samples), *median_interval(samples))
        return cls(backend, mode, cycles, recorded_cycles(record, backend, mode))

    @property
    def change(self) -> float | None:
        """The relative change since the record, above 0 where the search became slower."""
        return self.cycles.median / self.recorded.median - 1 if self.recorded else None

    def __str__(self) -> str:
        interval = f"{self.cycles.low:.1f} - {self.cycles.high:.1f}"
        then = f"{self.recorded.median:9.1f}  {self.change:+7.1%}" if self.recorded else f"{'-':>9}  {'-':>7}"
        return f"{self.backend:14}{self.mode:8}{self.cycles.median:12.1f}  {interval:18}{then}"


def recorded_cycles(record: Record | None, backend: str, mode: str) -> Cycles | None:
    """Return what a record says of a backend and mode on one thread; None if nothing."""
    for result in record.results if record else ():
        if (result.backend, result.mode, result.threads) == (backend, mode, 1) and result.cycles_per_hash:
            bounds = result.cycles_per_hash_ci95
            low, high = (result.cycles_per_hash,) * 2 if bounds is UNSET else bounds
            return Cycles(result.cycles_per_hash, low, high)
    return None


def verdict(row: SpeedRow) -> str | None:
    """Return why a row is too slow, as one sentence; None if it is not, or if there is no record to compare with."""
    then = row.recorded
    if not then or row.cycles.median <= TOLERANCE * then.median or row.cycles.low <= then.high:
        return None
    return (
        f"{row.backend} {row.mode} needs {row.cycles.median:.1f} cycles per hash "
        f"({row.cycles.low:.1f} - {row.cycles.high:.1f}), {row.change:+.1%} over the recorded {then.median:.1f}"
    )
